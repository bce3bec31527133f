-- Remembers a change of leader, in place of the oldest one that is remembered.
--
-- KEYS  1 meta   2 changes
-- ARGV  1 nonce of the claim   2 how many are remembered   3 the change as JSON
-- Returns  1, or 0 if another instance has claimed since

if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local slot = redis.call('HINCRBY', KEYS[2], 'count', 1) % tonumber(ARGV[2])
local timeMs = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[2], slot, timeMs .. ' ' .. ARGV[3])
return 1
