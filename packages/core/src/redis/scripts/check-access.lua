-- Asks the server which commands the user of this connection may not run; runs none of them.
--
-- KEYS  the keys that an instance uses: the server refuses the call of this script if the user may not read and write them
-- ARGV  1, 2, 3 channels   4... calls as text, with K for the first key, C, D and E for the channels; a subcommand stands
--       behind a bar
-- Returns  {command that is refused, or unknown to this server, ...}

-- Redis has it since 7.0; a server without it cannot be asked.
if not redis.acl_check_cmd then return {} end

local refused = {}
local stands = { K = KEYS[1], C = ARGV[1], D = ARGV[2], E = ARGV[3] }
for i = 4, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '[^ |]+') do
    words[#words + 1] = stands[word] or word
  end
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (known and allowed) then refused[#refused + 1] = string.match(ARGV[i], '^[^ ]+') end
end
return refused
