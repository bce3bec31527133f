-- Creates an empty log under the claimed term, where there is none.
--
-- KEYS  1 meta
-- ARGV  1 logId   2 term   3 nonce
-- Returns  the id of the log: the new one, or that of a log that is there; false if fenced

local logId, term, nonce = unpack(redis.call('HMGET', KEYS[1], 'logId', 'term', 'nonce'))
if term ~= ARGV[2] or nonce ~= ARGV[3] then return false end
if logId and logId ~= '' then return logId end
-- Counts as a write: an empty log that comes back in another life of the server may have lost all that came after.
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
redis.call('HSET', KEYS[1], 'logId', ARGV[1], 'head', '0', 'headTerm', '0', 'time', '0', 'first', '1', 'replId', replId)
return ARGV[1]
