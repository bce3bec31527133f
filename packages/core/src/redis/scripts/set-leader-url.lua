-- Says anew where the leader is reached, if it is still the one that claimed last.
--
-- KEYS  1 meta
-- ARGV  1 term   2 nonce   3 url or ''   4 public url or ''
-- Returns  1, or 0 if another instance has claimed since; nothing was written then

local term, nonce = unpack(redis.call('HMGET', KEYS[1], 'term', 'nonce'))
if term ~= ARGV[1] or nonce ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'url', ARGV[3], 'publicUrl', ARGV[4])
return 1
