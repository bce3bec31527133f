-- Grants the next term to a holder of the lease (G1), and says what the log looks like at that moment.
--
-- KEYS  1 meta   2 terms   3 lease
-- ARGV  1 expected stored term   2 floor: highest term the candidate has seen   3 nonce   4 leader id   5 url
--       6 public url   7 lease value   8 '1' if the lease lies on this server and is to be checked   9 random step 1-1000
--       10 version of the claimant's app   11 why the leader before does not lead any more, or ''
-- Returns  {'CLAIMED', term, logId, head, headTerm, replId, '1' if the log was last written in another life of the server,
--           {term, 'first:nonce', ...}, mark of the last re-seed or ''}
--          {'OUTRUN', stored term}   another claim came between
--          {'LEASE'}                 the lease is not the candidate's any more
--          {'VERSION', version}      the log holds entries of that version of the app, which is newer; nothing was written
-- Terms are milliseconds of 13 digits and stay strings: a Lua number prints 14 digits.

local stored, logId, head, headTerm, lastReplId, lastLeader, appVersion, seed = unpack(
  redis.call('HMGET', KEYS[1], 'term', 'logId', 'head', 'headTerm', 'replId', 'leader', 'appVersion', 'seed'))
stored = stored or '0'

if stored ~= ARGV[1] then
  return { 'OUTRUN', stored }
end
if ARGV[8] == '1' and redis.call('GET', KEYS[3]) ~= ARGV[7] then
  return { 'LEASE' }
end
if tonumber(appVersion or '0') > tonumber(ARGV[10]) then
  return { 'VERSION', appVersion }
end

-- Time keeps a term unique after a rollback. Where the clock is behind, the random step does so very nearly.
local time = redis.call('TIME')
local term = time[1] * 1000 + math.floor(time[2] / 1000)
local least = math.max(tonumber(stored), tonumber(ARGV[2]))
if term <= least then
  term = least + tonumber(ARGV[9])
end
term = string.format('%.0f', term)

-- Where INFO is forbidden the id is empty; the store warns of it at start.
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''

-- The stored replication id stays that of the last write: a claim that is not served must not hide that something may be lost.
redis.call('HSET', KEYS[1], 'term', term, 'nonce', ARGV[3], 'leader', ARGV[4], 'url', ARGV[5], 'publicUrl', ARGV[6],
  'lease', ARGV[7], 'reason', ARGV[11])
if lastLeader ~= ARGV[4] then redis.call('HINCRBY', KEYS[1], 'leaderChanges', 1) end

return {
  'CLAIMED', term, logId or '', head or '0', headTerm or '0', replId,
  (lastReplId and lastReplId ~= replId) and '1' or '0',
  redis.call('HGETALL', KEYS[2]), seed or '',
}
