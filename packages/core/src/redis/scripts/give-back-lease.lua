-- Gives a lease back for a holder whose event loop stands still, on one node, and tells everybody (G10). One step, so that
-- whoever sends it may end right behind it: a lease that is free, and nobody told, is not looked at before its time is over.
--
-- KEYS  1 lease
-- ARGV  1 value of the lease   2 channel of the notices
-- Returns  1, or 0 if that lease is not there

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], 'vacant hung')
return 1
