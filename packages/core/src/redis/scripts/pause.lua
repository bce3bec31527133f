-- Has nobody take over by itself any more, or ends that.
--
-- KEYS  1 meta
-- ARGV  1 for how many ms, '0' until it is ended, '' to end it
-- Returns  1

if ARGV[1] == '' then
  redis.call('HDEL', KEYS[1], 'pausedUntil')
elseif ARGV[1] == '0' then
  redis.call('HSET', KEYS[1], 'pausedUntil', '0')
else
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('HSET', KEYS[1], 'pausedUntil', string.format('%.0f', now + tonumber(ARGV[1])))
end
return 1
