-- Takes one lease, and no other, away from a holder whose process is gone, on one node (G10).
--
-- KEYS  1 lease
-- ARGV  1 value of the lease
-- Returns  1, or 0 if that lease is not there

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
