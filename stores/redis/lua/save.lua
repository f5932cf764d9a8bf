#!lua
-- KEYS record [index]; ARGV record ttl life id nonce authenticated ask
--include record
--include index
if redis.call('EXISTS', KEYS[1]) == 1 then return 'TAKEN' end
if KEYS[2] and refuses(KEYS[2], ARGV[6]) then return 'ENDED' end
local life = tonumber(ARGV[3])
if KEYS[2] then enter(KEYS[2], ARGV[4], ARGV[5], life) end
local record = ARGV[1]
local who = until_(owner(record), milliseconds() + life + SLACK)
redis.call('SET', KEYS[1], record:sub(1, 22) .. who .. record:sub(23 + #who), 'PX', ARGV[2])
return KEYS[2] and entered(KEYS[2], ARGV[7]) or 'OK'
