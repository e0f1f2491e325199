-- The atomic step of the replay store on a Valkey or Redis server: judges a batch of claims, and writes what is new.
--
-- Before this text the client puts the constants PROOF, COLD, SKEW, RETRY, LONGEST and PRESSED.
-- KEYS[1] is the state of the store, a hash; KEYS[2..9] are its windows, hashes that each hold the entries which run out
-- within the same 30 s: field "key" -> peer and time, "#owner" -> how many are that owner's, "=" -> how many there are.
-- ARGV: 1 the host's clock, 2 capacity, 3 quota, 4 an epoch and 5 a secret to begin with, 6 the epoch that is never cold,
-- 7 the claims, each as in wire.py.
--
-- All times are those of this server's clock, which every host must agree with. An entry goes with its window, once
-- that is past. Whatever else could make the store forget begins a new epoch: another server or another run of this
-- one (run_id), a window that is gone before its time (evicted, flushed, deleted), a clock that was set back.

local WINDOW, RING = 30, 8
local TICK, MARGIN = 1, 5
local STALE, COLD_ANSWER, SEEN, RETRIED, QUOTA, FULL, NEW = 0, 1, 2, 3, 4, 5, 6
local UNKNOWN = string.rep('\0', 8)

local host, capacity, quota = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local candidate, secret, forgiven, claims = ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
if math.abs(now - host) > SKEW then return 'C' .. struct.pack('>d', now) end

local held = redis.call('HMGET', KEYS[1], 'server', 'epoch', 'secret', 'latest', 'seen',
                        '0', '1', '2', '3', '4', '5', '6', '7')
local server, epoch, latest, seen = held[1], held[2], tonumber(held[4]), tonumber(held[5])
secret = held[3] or secret

local present = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not present then return 'P' .. 'unknown, as its INFO names no run_id' end
local begun = epoch and server == present and now > seen - 2 * TICK

if not begun or now > seen + TICK then
  local policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)') or 'unknown'
  if policy ~= 'noeviction' then return 'P' .. policy end
end

local numbers = {}  -- slot of the ring -> number of the window that is in it
local live = {}     -- the keys of the windows that are not past
local past = {}     -- the slots of those that are

local function find_live()
  for slot = 0, RING - 1 do
    local number = tonumber(held[slot + 6])
    if number and number * WINDOW > now then
      numbers[slot] = number
      live[#live + 1] = KEYS[slot + 2]
    elseif number and number > 0 then
      past[#past + 1] = slot
    end
  end
  return #live == 0 or redis.call('EXISTS', unpack(live)) == #live
end

local function sweep()
  for _, slot in ipairs(past) do
    redis.call('UNLINK', KEYS[slot + 2])  -- gives the memory back in another thread; an expiry may not
    redis.pcall('HSET', KEYS[1], slot, 0)
  end
end

local function begin()
  latest = math.max(now, seen or 0, latest or 0)
  epoch, numbers, live = candidate, {}, {}
  redis.call('UNLINK', unpack(KEYS))
  redis.call('HSET', KEYS[1], 'server', present, 'epoch', epoch, 'secret', secret,
             'latest', string.format('%.6f', latest), 'seen', string.format('%.6f', now))
end

if not (begun and find_live()) then
  begin()
elseif now > seen + TICK then
  redis.pcall('HSET', KEYS[1], 'seen', string.format('%.6f', now))
  sweep()
end

local total, added = 0, {}
for _, window in ipairs(live) do total = total + (tonumber(redis.call('HGET', window, '=')) or 0) end

local function is_cold(named, given, deadline)
  if named == 1 then return given ~= epoch end
  if forgiven == '*' or forgiven == epoch then return false end
  return deadline + 0.001 < latest + COLD + PROOF or now - latest < COLD
end

local function share()
  local pressed = capacity * PRESSED
  if total <= pressed then return quota end
  return math.max(1, quota / 2 ^ (10 * (total - pressed) / (capacity - pressed)))  -- also with many greedy owners
end

local function put(key, owner, expires, peer)
  local number = math.floor(expires / WINDOW) + 1
  local slot = number % RING
  local window, is_new = KEYS[slot + 2], numbers[slot] ~= number
  if is_new then redis.call('UNLINK', window) end
  local written = redis.pcall('HSET', window, key, peer .. struct.pack('>d', now))
  if type(written) == 'table' then  -- the server takes no writes, which holds for all of this step
    if string.find(written.err, 'OOM', 1, true) then return FULL end
    error(written.err)
  end
  redis.call('HINCRBY', window, owner, 1)
  added[window] = (added[window] or 0) + 1
  if is_new then
    numbers[slot], live[#live + 1] = number, window
    redis.call('EXPIRE', window, math.ceil(number * WINDOW - now) + 120)
    redis.call('HSET', KEYS[1], slot, number)
  end
  total = total + 1
  return NEW
end

local function judge(key, owner, named, given, seconds, deadline, peer)
  if not (host <= deadline) then return STALE end  -- so this server's clock is at most SKEW past it
  if is_cold(named, given, deadline) then return COLD_ANSWER end
  owner = '#' .. owner
  local owned = 0
  for _, window in ipairs(live) do
    local found = redis.call('HMGET', window, key, owner)
    if found[1] then
      local by, at = struct.unpack('>c8d', found[1])
      return peer ~= UNKNOWN and by == peer and now - at < RETRY and RETRIED or SEEN
    end
    owned = owned + (tonumber(found[2]) or 0)
  end
  if owned >= share() then return QUOTA end
  if total >= capacity then return FULL end
  local longest = now + LONGEST - SKEW - MARGIN
  return put(key, owner, math.max(now + seconds, math.min(deadline, longest) + SKEW + MARGIN), peer)
end

local answers, at = {}, 1
while at <= #claims do
  local key, owner, named, given, seconds, deadline, peer
  key, owner, named, given, seconds, deadline, peer, at = struct.unpack('>c16c16Bc16ddc8', claims, at)
  answers[#answers + 1] = string.char(judge(key, owner, named, given, seconds, deadline, peer))
end

for window, count in pairs(added) do redis.call('HINCRBY', window, '=', count) end

return '+' .. epoch .. secret .. struct.pack('>d', now) .. table.concat(answers)
