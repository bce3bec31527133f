-- Reads the log's present and entries behind an index, together with what identifies that present (G5, G7).
--
-- KEYS  1 meta   2 log   3 terms
-- ARGV  1 index to read behind   2 most entries   3 most bytes   4 logId, 5 nonce, 6 replication id that the reader knows
-- Returns  {logId, nonce, replId, term, head, headTerm, leader id, url, public url, leaderChanges,
--           first index, {snapshot id, its index}, {id of the snapshot before, its index},
--           lines of 'index-0', 'term:time', entry, ..., {term, 'first:nonce', ...} or false if the reader knows this present,
--           version of the group's secrets or '', lease value of the last claim,
--           why the leader before that does not lead any more, or '',
--           '1' if the log was last written in another life of the server, mark of the last re-seed or ''}
-- The replication id is the server's present one, not the one of the last claim.
-- Entries come as one text, an entry being JSON, which has no line ends of its own: a reply of thousands of texts costs its
-- reader more than all else that it does with them.

local logId, nonce, term, head, headTerm, leader, url, publicUrl, changes, first, snapshot, snapshotIndex, before,
  beforeIndex, secretVersion, lease, reason, lastReplId, seed = unpack(redis.call('HMGET', KEYS[1], 'logId', 'nonce',
  'term', 'head', 'headTerm', 'leader', 'url', 'publicUrl', 'leaderChanges', 'first', 'snapshot', 'snapshotIndex',
  'snapshotBefore', 'snapshotBeforeIndex', 'secretVersion', 'lease', 'reason', 'replId', 'seed'))
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
logId, nonce, head = logId or '', nonce or '', head or '0'

-- With the size in a variable: to look for the end of the table at each value costs a fifth of all this.
local entries, size = {}, 0
local left, bytes, from = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[1])
while left > 0 and bytes > 0 and from < tonumber(head) do
  -- In slices, so that a page of large entries is not built in full before it is cut.
  local slice = redis.call('XRANGE', KEYS[2], string.format('%.0f-0', from + 1), head .. '-0', 'COUNT', math.min(left, 128))
  if #slice == 0 then break end
  for _, item in ipairs(slice) do
    local fields = item[2]
    entries[size + 1], entries[size + 2], entries[size + 3] = item[1], fields[1], fields[2]
    size = size + 3
    bytes = bytes - #fields[2]
    if bytes <= 0 then break end
  end
  left = left - #slice
  from = tonumber(string.match(entries[size - 2], '^%d+'))
end

local known = logId == ARGV[4] and nonce == ARGV[5] and replId == ARGV[6]
return {
  logId, nonce, replId, term or '0', head, headTerm or '0', leader or '', url or '', publicUrl or '', changes or '0',
  first or '1', { snapshot or '', snapshotIndex or '0' }, { before or '', beforeIndex or '0' },
  table.concat(entries, '\n'), (not known) and redis.call('HGETALL', KEYS[3]) or false,
  secretVersion or '', lease or '', reason or '', (lastReplId and lastReplId ~= replId) and '1' or '0', seed or '',
}
