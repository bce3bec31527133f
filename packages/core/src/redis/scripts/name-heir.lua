-- Names the instance that others let go first once the leader has given its lease back. Only the leader may.
--
-- KEYS  1 meta
-- ARGV  1 term   2 nonce   3 id of the heir   4 for how many ms
-- Returns  1, or 0 if another claim came between

local term, nonce = unpack(redis.call('HMGET', KEYS[1], 'term', 'nonce'))
if term ~= ARGV[1] or nonce ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'heir', ARGV[3], 'heirUntil', string.format('%.0f', now + tonumber(ARGV[4])))
return 1
