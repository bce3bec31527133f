-- Creates an empty log under the claimed term, where there is none.
--
-- KEYS  1 meta
-- ARGV  1 logId   2 term   3 nonce   4 replication id at the claim
-- Returns  the id of the log: the new one, or that of a log that is there; false if fenced

local logId, term, nonce = unpack(redis.call('HMGET', KEYS[1], 'logId', 'term', 'nonce'))
if term ~= ARGV[2] or nonce ~= ARGV[3] then return false end
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
if replId ~= ARGV[4] then return false end
if logId and logId ~= '' then return logId end
-- With the replication id, as an append: Redis may come back with this log and without what was written to it next.
redis.call('HSET', KEYS[1], 'logId', ARGV[1], 'head', '0', 'headTerm', '0', 'time', '0', 'first', '1', 'replId', replId)
return ARGV[1]
