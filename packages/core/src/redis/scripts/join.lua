-- Lets an instance into a group: the same application, a format that it knows, an app no older than what is stored. One
-- that was in before brings the secrets that it knows; they come back where Redis has lost them, or has gone back to
-- older ones.
--
-- KEYS  1 meta
-- ARGV  1 application   2 highest format version that the instance knows
--       3 secret   4 secret before it or ''   5 secret that is to follow it or ''
--       6 version of these secrets, '<changes>-<ms>', or '' if the secret is a fresh one for a group that has none
--       7 version of the app, or '' where that does not matter: the instance was let in before
-- Returns  {'JOINED', secret, secret before it or '', secret that is to follow it or '', version}
--          {'APP', application of the group}   {'FORMAT', format version of the group}
--          {'VERSION', newest version of the app that has written to the log}   nothing was written by these three
-- Of two versions the one with more changes holds. With as many, the older one: an instance that came into an emptied
-- Redis before all others must not bring its fresh secret to those who still know theirs. What is brought back counts
-- as a change, so that whoever knows the version knows as well that Redis has lost nothing since.

local app, format, appVersion, secret, previous, next, version = unpack(redis.call('HMGET', KEYS[1],
  'app', 'formatVersion', 'appVersion', 'secret', 'previousSecret', 'nextSecret', 'secretVersion'))
if app and app ~= ARGV[1] then return { 'APP', app } end
if format and not (tonumber(format) and tonumber(format) <= tonumber(ARGV[2])) then return { 'FORMAT', format } end
if ARGV[7] ~= '' and tonumber(appVersion or '0') > tonumber(ARGV[7]) then return { 'VERSION', appVersion } end

local changes, time = string.match(version or '', '^(%d+)%-(%d+)$')
local knownChanges, knownTime = string.match(ARGV[6], '^(%d+)%-(%d+)$')
local holds = changes ~= nil
if holds and knownChanges then
  local more = tonumber(changes) - tonumber(knownChanges)
  holds = more > 0 or (more == 0 and tonumber(time) <= tonumber(knownTime))
end

-- A lower format stays: it is raised by whoever first writes what an older version could not read.
if not app then redis.call('HSET', KEYS[1], 'app', ARGV[1]) end
if not format then redis.call('HSET', KEYS[1], 'formatVersion', ARGV[2]) end
if not holds then
  local now = redis.call('TIME')
  secret, previous, next = ARGV[3], ARGV[4], ARGV[5]
  version = string.format('%.0f-%.0f', tonumber(knownChanges or '0') + 1, now[1] * 1000 + math.floor(now[2] / 1000))
  redis.call('HSET', KEYS[1], 'secret', secret, 'previousSecret', previous, 'nextSecret', next, 'secretVersion', version)
end
return { 'JOINED', secret, previous or '', next or '', version }
