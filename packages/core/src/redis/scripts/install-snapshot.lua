-- Makes a complete snapshot the one to load, if the leader is still the one that claimed last and the snapshot is on the
-- log's history (G2, G5). Its maker may have been off that history without knowing.
--
-- KEYS  1 meta   2 terms   3 the snapshot   4 the snapshot before the present one, or the meta key again for none
-- ARGV  1 logId   2 term   3 nonce   4 replication id at the claim
--       5 id of the snapshot   6 its index   7 term and 8 nonce that own that index   9 id of the one at KEYS[4], or ''
--       10 seconds that a replaced snapshot stays, for those who are loading it
-- Returns  1, or 0 if nothing was changed

local logId, term, nonce, head, present, presentIndex, before = unpack(redis.call('HMGET', KEYS[1],
  'logId', 'term', 'nonce', 'head', 'snapshot', 'snapshotIndex', 'snapshotBefore'))
if logId ~= ARGV[1] or term ~= ARGV[2] or nonce ~= ARGV[3] then return 0 end
local info = redis.pcall('INFO', 'replication')
local replId = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
if replId ~= ARGV[4] then return 0 end

local index = tonumber(ARGV[6])
if index > tonumber(head) or index <= tonumber(presentIndex or '0') then return 0 end
if redis.call('HEXISTS', KEYS[3], 'head') == 0 then return 0 end
-- Another one was switched in since the leader looked: the snapshot that this one pushes out would stay for ever.
if (before or '') ~= ARGV[9] then return 0 end

-- The row with the highest first index up to the snapshot's owns it.
local rows = redis.call('HGETALL', KEYS[2])
local ownerFirst, owner, ownerNonce = 0, nil, nil
for i = 1, #rows, 2 do
  local first, rowNonce = string.match(rows[i + 1], '^(%d+):(.*)$')
  first = tonumber(first)
  if first <= index and first > ownerFirst then
    ownerFirst, owner, ownerNonce = first, rows[i], rowNonce
  end
end
if owner ~= ARGV[7] or ownerNonce ~= ARGV[8] then return 0 end

redis.call('PERSIST', KEYS[3])
redis.call('HSET', KEYS[1], 'snapshot', ARGV[5], 'snapshotIndex', ARGV[6],
  'snapshotBefore', present or '', 'snapshotBeforeIndex', presentIndex or '0')
if ARGV[9] ~= '' then redis.call('EXPIRE', KEYS[4], ARGV[10]) end
return 1
