#!lua flags=allow-oom
-- KEYS record; ARGV ttl kept
--include record
local head = redis.call('GETRANGE', KEYS[1], 0, 51)
if head == '' then return 'GONE' end
local who, answer = owner(head)
if not who then return answer end
local ttl = tonumber(ARGV[1])
if ttl <= redis.call('PTTL', KEYS[1]) then return 'OK' end
if subject(who) ~= '' then
  local ends = milliseconds() + ttl
  if ends > struct.unpack('>I6', who:sub(25)) then
    if ARGV[2] ~= '1' then return {'KEEP', subject(who)} end
    redis.call('SETRANGE', KEYS[1], 22, until_(who, ends + SLACK))
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'OK'
