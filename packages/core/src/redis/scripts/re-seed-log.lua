-- Has a log that lost entries end again where the claimant's replica does: at a snapshot of that one (G7).
--
-- KEYS  1 meta   2 log   3 terms   4 the snapshot   5 and 6 the two snapshots of the present log, or the meta key for none
-- ARGV  1 logId   2 term   3 nonce   4 replication id at the claim   5 nonce from now on: what others compared is another log; it
--       also marks the re-seed: what an entry's absence says ends there
--       6 id of the snapshot   7 its index   8 term and 9 log time of the entry there   10 version of the app that wrote it
--       11 fields that it has   12 and 13 ids of the snapshots at KEYS 5 and 6, or ''   14 seconds that these stay, for those
--       who are loading them   15... term, 'first:nonce', ...
-- Returns  1, or 0 if nothing was changed

local logId, term, nonce, head, lastTime, present, before, appVersion = unpack(redis.call('HMGET', KEYS[1],
  'logId', 'term', 'nonce', 'head', 'time', 'snapshot', 'snapshotBefore', 'appVersion'))
if term ~= ARGV[2] or nonce ~= ARGV[3] then return 0 end
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
if replId ~= ARGV[4] then return 0 end
-- Only what is behind it: an entry that stands in the log was perhaps acknowledged.
if logId and logId ~= '' and logId ~= ARGV[1] then return 0 end
if tonumber(head or '0') >= tonumber(ARGV[7]) then return 0 end
if (present or '') ~= ARGV[12] or (before or '') ~= ARGV[13] then return 0 end
if redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[11]) or redis.call('HEXISTS', KEYS[4], 'head') == 0 then return 0 end

local time = string.format('%.0f', math.max(tonumber(lastTime or '0'), tonumber(ARGV[9])))
redis.call('HSET', KEYS[1], 'logId', ARGV[1], 'nonce', ARGV[5], 'head', ARGV[7], 'headTerm', ARGV[8], 'time', time,
  'first', string.format('%.0f', tonumber(ARGV[7]) + 1), 'snapshot', ARGV[6], 'snapshotIndex', ARGV[7],
  'snapshotBefore', '', 'snapshotBeforeIndex', '0', 'replId', replId, 'seed', ARGV[5])
if tonumber(appVersion or '0') < tonumber(ARGV[10]) then redis.call('HSET', KEYS[1], 'appVersion', ARGV[10]) end
redis.call('DEL', KEYS[2], KEYS[3])
for i = 15, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
if ARGV[12] ~= '' then redis.call('EXPIRE', KEYS[5], ARGV[14]) end
if ARGV[13] ~= '' then redis.call('EXPIRE', KEYS[6], ARGV[14]) end
redis.call('PERSIST', KEYS[4])
return 1
