// One DPoP client of the npm registry, unmodified: node client.mjs dpop|oauth4webapi ALG.
// Prints its public JWK; then answers each line {"method", "url", "token"} with a line {"status", "body"}.
import { createInterface } from 'node:readline'

async function dpop(alg) {
  const DPoP = await import('dpop')
  const keys = await DPoP.generateKeyPair(alg)
  let nonce
  const once = async ({ method, url, token }) => {
    const proof = await DPoP.generateProof(keys, url, method, nonce, token)
    const response = await fetch(url, { method, headers: { Authorization: `DPoP ${token}`, DPoP: proof } })
    nonce = response.headers.get('DPoP-Nonce') ?? nonce
    return response
  }
  const send = async (request) => {
    const response = await once(request)
    const asks = response.headers.get('WWW-Authenticate')?.includes('error="use_dpop_nonce"')
    return asks ? once(request) : response
  }
  return { keys, send }
}

async function oauth4webapi(alg) {
  const oauth = await import('oauth4webapi')
  const keys = await oauth.generateKeyPair(alg)
  const options = { DPoP: oauth.DPoP({}, keys), [oauth.allowInsecureRequests]: true }
  const once = ({ method, url, token }) =>
    oauth.protectedResourceRequest(token, method, new URL(url), undefined, undefined, options)
  const send = async (request) => {
    try {
      return await once(request)
    } catch (error) {
      if (oauth.isDPoPNonceError(error)) return once(request)
      if (error instanceof oauth.WWWAuthenticateChallengeError) return error.response
      throw error
    }
  }
  return { keys, send }
}

const [name, alg] = process.argv.slice(2)
const { keys, send } = await { dpop, oauth4webapi }[name](alg)
const say = (value) => console.log(JSON.stringify(value))
say(await crypto.subtle.exportKey('jwk', keys.publicKey))
for await (const line of createInterface({ input: process.stdin })) {
  const response = await send(JSON.parse(line))
  say({ status: response.status, body: await response.text() })
}
