-- Reads what operators have ordered, and who is to lead next. Times are what is left of them, by the server's clock.
--
-- KEYS  1 meta
-- Returns  {'1' if paused, ms until that ends by itself or '', leader id of the last claim,
--           heir, ms for which others let it go first, switchover: id, to, from, ms left, outcome}; '' for what is not there

local paused, leader, heir, heirUntil, id, to, from, ends, outcome = unpack(redis.call('HMGET', KEYS[1],
  'pausedUntil', 'leader', 'heir', 'heirUntil', 'switchover', 'switchoverTo', 'switchoverFrom', 'switchoverUntil',
  'switchoverOutcome'))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function left(ms)
  return string.format('%.0f', math.max(0, tonumber(ms or '0') - now))
end

local isPaused = paused and (paused == '0' or tonumber(paused) > now)
return {
  isPaused and '1' or '0', isPaused and paused ~= '0' and left(paused) or '', leader or '',
  heir or '', left(heirUntil), id or '', to or '', from or '', left(ends), outcome or '',
}
