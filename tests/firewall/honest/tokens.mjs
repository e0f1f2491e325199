// Tokens by the two JWT libraries of npm, unmodified: node tokens.mjs jose|jsonwebtoken
// Reads {"rounds", "keys": {ALG: {"pem"} or {"secret"}}, "contents": [{"name", "header", "claims"}]} from its input and
// writes a line [ALG, name of the content, token] for each; what the library refuses is left out.
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'

const job = JSON.parse(readFileSync(0, 'utf8'))
const keyOf = ({ pem, secret }) => (pem ? createPrivateKey(pem) : Buffer.from(secret, 'base64'))

async function jose() {
  const { SignJWT } = await import('jose')
  return (alg, key, header, claims) => new SignJWT(claims).setProtectedHeader({ typ: 'JWT', ...header, alg }).sign(key)
}

async function jsonwebtoken() {
  const { default: jwt } = await import('jsonwebtoken')
  return async (algorithm, key, header, claims) => jwt.sign(claims, key, { algorithm, header, noTimestamp: true })
}

const sign = await { jose, jsonwebtoken }[process.argv[2]]()
for (const [alg, given] of Object.entries(job.keys)) {
  const key = keyOf(given)
  for (let round = 0; round < job.rounds; round += 1) {
    for (const { name, header, claims } of job.contents) {
      const said = round ? { ...claims, n: round } : { ...claims }
      const token = await sign(alg, key, header, said).catch(() => undefined)
      if (token) process.stdout.write(`${JSON.stringify([alg, name, token])}\n`)
    }
  }
}
