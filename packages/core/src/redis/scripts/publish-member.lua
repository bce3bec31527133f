-- Publishes what an instance says of itself, stamped with the server's time, and lists all members.
--
-- KEYS  1 members
-- ARGV  1 id ('' only lists)   2 record
-- Returns  {server time in ms, {id, '<ms of its heartbeat> <record>', ...}}

local now = redis.call('TIME')
local time = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], time .. ' ' .. ARGV[2]) end
return { time, redis.call('HGETALL', KEYS[1]) }
