-- Says what became of a switchover. The first to say so is right.
--
-- KEYS  1 meta
-- ARGV  1 id of the order   2 outcome
-- Returns  1, or 0 if it is not the present order, or has ended already

local id, outcome = unpack(redis.call('HMGET', KEYS[1], 'switchover', 'switchoverOutcome'))
if id ~= ARGV[1] or (outcome or '') ~= '' then return 0 end
redis.call('HSET', KEYS[1], 'switchoverOutcome', ARGV[2])
return 1
