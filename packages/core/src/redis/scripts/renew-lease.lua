-- Renews the lease on one node; the script that redlock runs in place of its own.
--
-- KEYS  1 lease
-- ARGV  1 value   2 time to live in ms
-- Returns  1, or 0 if another value holds it
-- Unlike redlock's own script it also sets a key that is absent: a node that restarted without persistence gets its
-- vote back, so that a rolling restart of the nodes keeps the leader. That opens no wider window than an acquire does.

local value = redis.call('GET', KEYS[1])
if value and value ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
