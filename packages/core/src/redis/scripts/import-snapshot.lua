-- Begins a new log at an imported snapshot: where the group has none and nobody is connected, or in place of what it has.
--
-- KEYS  1 meta   2 log   3 terms   4 the snapshot   5 and 6 the two snapshots of the present log, or the meta key for none
-- ARGV  1 '1' only to look whether it could be done   2 '1' to replace what is there   3 application   4 format version
--       5 pattern of the channels that instances are subscribed to   6 logId   7 nonce   8 random step 1-1000
--       9 id of the snapshot   10 its index   11 term and 12 log time of the entry there   13 version of the app that wrote
--       it   14 fields that it has   15 and 16 ids of the snapshots at KEYS 5 and 6, or ''   17 seconds that these stay, for
--       those who are loading them   18... term, 'first:nonce', ...
-- Returns  {'IMPORTED', term}   {'FREE'} when only looking
--          {'APP', application of the group}   {'FORMAT', format version of the group, which is newer}
--          {'LOG', its head}   {'CONNECTED', channel, ...}   the group is in use and is not to be replaced
--          {'PRESENT', snapshot, snapshot before}   others than those that the caller knows: call again with these
--          {'GONE'}   the snapshot is not complete
-- Changes nothing unless it returns IMPORTED. Whoever leads is fenced then: the log is another one, under another claim.

local logId, app, format, stored, head, present, before = unpack(redis.call('HMGET', KEYS[1],
  'logId', 'app', 'formatVersion', 'term', 'head', 'snapshot', 'snapshotBefore'))
if app and app ~= ARGV[3] then return { 'APP', app } end
if format and tonumber(format) > tonumber(ARGV[4]) then return { 'FORMAT', format } end
if ARGV[2] ~= '1' then
  if logId and logId ~= '' then return { 'LOG', head or '0' } end
  local channels = redis.call('PUBSUB', 'CHANNELS', ARGV[5])
  if #channels > 0 then return { 'CONNECTED', unpack(channels, 1, math.min(#channels, 100)) } end
end
if ARGV[1] == '1' then return { 'FREE' } end
if (present or '') ~= ARGV[15] or (before or '') ~= ARGV[16] then
  return { 'PRESENT', present or '', before or '' }
end
if redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[14]) or redis.call('HEXISTS', KEYS[4], 'head') == 0 then
  return { 'GONE' }
end

-- As a claim does: above every term that is stored, so that no candidate can go on with what it read before.
local time = redis.call('TIME')
local term = time[1] * 1000 + math.floor(time[2] / 1000)
local least = math.max(tonumber(stored or '0'), tonumber(ARGV[11]))
if term <= least then
  term = least + tonumber(ARGV[8])
end
term = string.format('%.0f', term)
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''

-- A replica begins at 0 as its state machine says; a snapshot of that moment is never loaded.
local index = ARGV[10]
local id = index == '0' and '' or ARGV[9]
redis.call('HSET', KEYS[1], 'app', ARGV[3], 'appVersion', ARGV[13], 'formatVersion', ARGV[4], 'logId', ARGV[6],
  'term', term, 'nonce', ARGV[7], 'head', index, 'headTerm', ARGV[11], 'time', ARGV[12],
  'first', string.format('%.0f', tonumber(index) + 1), 'snapshot', id, 'snapshotIndex', index,
  'snapshotBefore', '', 'snapshotBeforeIndex', '0', 'replId', replId)
redis.call('HDEL', KEYS[1], 'leader', 'url', 'publicUrl', 'lease')
redis.call('UNLINK', KEYS[2], KEYS[3])
for i = 18, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
if ARGV[15] ~= '' then redis.call('EXPIRE', KEYS[5], ARGV[17]) end
if ARGV[16] ~= '' then redis.call('EXPIRE', KEYS[6], ARGV[17]) end
if id ~= '' then redis.call('PERSIST', KEYS[4]) end
return { 'IMPORTED', term }
