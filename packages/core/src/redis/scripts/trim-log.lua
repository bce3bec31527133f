-- Drops old entries, if the leader is still the one that claimed last (G2). Never past the snapshot before the last one:
-- should the last be damaged, the one before still reaches the log.
--
-- KEYS  1 meta   2 log
-- ARGV  1 logId   2 term   3 nonce   4 index that the log is to begin at
-- Returns  1, or 0 if nothing was changed

local logId, term, nonce, beforeIndex = unpack(
  redis.call('HMGET', KEYS[1], 'logId', 'term', 'nonce', 'snapshotBeforeIndex'))
if logId ~= ARGV[1] or term ~= ARGV[2] or nonce ~= ARGV[3] then return 0 end
if tonumber(ARGV[4]) > tonumber(beforeIndex or '0') + 1 then return 0 end
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[4] .. '-0')
redis.call('HSET', KEYS[1], 'first', ARGV[4])
return 1
