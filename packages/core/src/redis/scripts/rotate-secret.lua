-- Takes the group's secrets one step further in a rotation: a new one to come, then that one in use, then the old one gone.
--
-- KEYS  1 meta
-- ARGV  1 version of the secrets that the caller knows   2 a new secret, used where none is to come yet
-- Returns  {secret, secret before it or '', secret that is to follow it or '', version} after the step
--          false if other secrets are stored by now; nothing was written

local secret, previous, next, version = unpack(
  redis.call('HMGET', KEYS[1], 'secret', 'previousSecret', 'nextSecret', 'secretVersion'))
local changes = version == ARGV[1] and string.match(version, '^(%d+)%-%d+$')
if not changes then return false end

if previous ~= '' then
  previous = ''
elseif next ~= '' then
  secret, previous, next = next, secret, ''
else
  next = ARGV[2]
end
local now = redis.call('TIME')
version = string.format('%.0f-%.0f', tonumber(changes) + 1, now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('HSET', KEYS[1], 'secret', secret, 'previousSecret', previous, 'nextSecret', next, 'secretVersion', version)
return { secret, previous, next, version }
