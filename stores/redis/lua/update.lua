#!lua
-- KEYS record [index]; ARGV version record ttl life id nonce authenticated entered ask
--include record
--include index
local before = redis.call('GET', KEYS[1])
local old, answer = open(before)
if not old then return answer end
if before:sub(2, 9) ~= ARGV[1] then return 'CONFLICT' end
local record = ARGV[2]
local who, was = owner(record), subject(old)
local login = false
if was ~= '' and was ~= subject(who) then return 'SUBJECT' end
if who ~= '' then
  local life, now = tonumber(ARGV[4]), milliseconds()
  local ends = 0
  login = was == '' or old:sub(1, 24) ~= who:sub(1, 24)
  if was ~= '' then ends = struct.unpack('>I6', old:sub(25)) end
  if login or now + life > ends then
    if KEYS[2] then
      if login and refuses(KEYS[2], ARGV[7]) then return 'ENDED' end
      enter(KEYS[2], ARGV[5], ARGV[6], life)
    else
      local proof = was == '' and 'E' .. old or 'E'
      if ARGV[8] ~= proof then return {login and 'ENTER' or 'KEEP', proof} end
    end
    ends = now + life + SLACK
  end
  who = until_(who, ends)
end
redis.call('SET', KEYS[1], record:sub(1, 22) .. who .. record:sub(23 + #who), 'PX', ARGV[3])
return login and KEYS[2] and entered(KEYS[2], ARGV[9]) or 'OK'
