#!lua
-- KEYS index; ARGV id life. Lets the index live as long as a session whose life is extended beyond what its login said.
--include record
--include index
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if entry then
  local life = tonumber(ARGV[2]) + DAY
  redis.call('HSET', KEYS[1], ARGV[1], entry:sub(1, 9) .. struct.pack('>I6', milliseconds() + life))
  last(KEYS[1], life)
end
return 'OK'
