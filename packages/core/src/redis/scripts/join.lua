-- Lets an instance into a group: the same application, the same format, and an app no older than what is stored.
--
-- KEYS  1 meta
-- ARGV  1 application   2 format version   3 a secret, used if the group has none yet
--       4 version of the app
-- Returns  {'JOINED', secret, secret before the last change or ''}
--          {'APP', application of the group}   {'FORMAT', format version of the group}
--          {'VERSION', newest version of the app that has written to the log}
-- Nothing is written then.

local app, format, appVersion, secret, previous = unpack(
  redis.call('HMGET', KEYS[1], 'app', 'format', 'appVersion', 'secret', 'previousSecret'))
if app and app ~= ARGV[1] then return { 'APP', app } end
if format and format ~= ARGV[2] then return { 'FORMAT', format } end
if tonumber(appVersion or '0') > tonumber(ARGV[4]) then return { 'VERSION', appVersion } end
if not secret then
  redis.call('HSET', KEYS[1], 'app', ARGV[1], 'format', ARGV[2], 'secret', ARGV[3])
  secret = ARGV[3]
end
return { 'JOINED', secret, previous or '' }
