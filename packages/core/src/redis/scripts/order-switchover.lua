-- Orders a switchover, unless one is under way.
--
-- KEYS  1 meta
-- ARGV  1 id of the order   2 name or id of the instance that is to lead, or ''   3 ms that it may take
-- Returns  1, or 0 if another one is under way; nothing was written then

local id, ends, outcome = unpack(redis.call('HMGET', KEYS[1], 'switchover', 'switchoverUntil', 'switchoverOutcome'))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if id and (outcome or '') == '' and tonumber(ends or '0') > now then return 0 end

redis.call('HSET', KEYS[1], 'switchover', ARGV[1], 'switchoverTo', ARGV[2],
  'switchoverFrom', redis.call('HGET', KEYS[1], 'leader') or '',
  'switchoverUntil', string.format('%.0f', now + tonumber(ARGV[3])), 'switchoverOutcome', '')
redis.call('HDEL', KEYS[1], 'heir', 'heirUntil')
return 1
