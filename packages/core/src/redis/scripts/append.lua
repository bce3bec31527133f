-- Appends a batch to the log, if the leader that sends it is still the one that claimed last (G2).
--
-- KEYS  1 meta   2 log   3 terms
-- ARGV  1 logId   2 term   3 nonce   4 replication id at the claim   5 head   6 term of the head
--       7 version of the leader's app   8 channel on which to tell of the batch
--       9 encoded entries, oldest first, with a line end between one and the next
-- Returns  {'APPENDED', first index, log time in ms}
--          {'FENCED', what differs}            nothing was written
--          {'MISMATCH', head, term of the head}  the log does not end where the leader believes; nothing was written

local logId, term, nonce, head, headTerm, lastTime, appVersion = unpack(
  redis.call('HMGET', KEYS[1], 'logId', 'term', 'nonce', 'head', 'headTerm', 'time', 'appVersion'))

if not logId or logId == '' then return { 'FENCED', 'there is no log' } end
if logId ~= ARGV[1] then return { 'FENCED', 'another log' } end
if term ~= ARGV[2] then return { 'FENCED', 'term ' .. (term or 'none') } end
if nonce ~= ARGV[3] then return { 'FENCED', 'another claim' } end
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
if replId ~= ARGV[4] then return { 'FENCED', 'another replication id' } end
if head ~= ARGV[5] or headTerm ~= ARGV[6] then return { 'MISMATCH', head, headTerm } end

-- Log time never goes back, whatever the server's clock does.
local now = redis.call('TIME')
local time = now[1] * 1000 + math.floor(now[2] / 1000)
time = math.max(time, tonumber(lastTime))
time = string.format('%.0f', time)

-- One text, taken apart here: the arguments of a batch, put together again to be told of, cost more than all that is written.
local entries, at = ARGV[9], 1
-- One field, named by term and time: three cost a third more.
local name = term .. ':' .. time
local last = tonumber(head)
repeat
  local stop = string.find(entries, '\n', at, true)
  last = last + 1
  redis.call('XADD', KEYS[2], string.format('%d-0', last), name, string.sub(entries, at, stop and stop - 1))
  at = stop and stop + 1
until not at
local first = string.format('%d', tonumber(head) + 1)
if headTerm ~= term then
  redis.call('HSET', KEYS[3], term, first .. ':' .. nonce)
end
-- From now on nobody whose app is older may claim: it could not apply what stands here.
if tonumber(appVersion or '0') < tonumber(ARGV[7]) then redis.call('HSET', KEYS[1], 'appVersion', ARGV[7]) end
redis.call('HSET', KEYS[1], 'head', string.format('%d', last), 'headTerm', term, 'time', time, 'replId', replId)
-- In the same moment, or it would tell of what was refused. Not told, it is in the log all the same, so that is no error.
-- See log/appended.ts for the form.
redis.pcall('SPUBLISH', ARGV[8], table.concat({ logId, nonce, replId, term, first, time }, ' ') .. '\n' .. entries)
return { 'APPENDED', first, time }
