#!lua flags=allow-oom
-- KEYS record; ARGV digest nonce. Ends a session of the subject so that no write of it that is under way can land: what
-- there is of it is deleted, and a note stays in its place. A visitor's session, which is there if a login of it is under
-- way, gets a nonce that the login does not know. Answers whether there was a session, before any of us came.
--include record
local head = redis.call('GETRANGE', KEYS[1], 0, 51)
if head == '' then
  redis.call('SET', KEYS[1], '\0ABSENT', 'PX', DAY)
  return 'ABSENT'
end
if head:byte(1) == 0 then return head:sub(2) end
local who = owner(head)
if who and subject(who) ~= ARGV[1] then
  if subject(who) == '' then
    local record = redis.call('GET', KEYS[1])
    redis.call('SET', KEYS[1], record:sub(1, 21) .. '\8' .. ARGV[2] .. record:sub(23 + #who), 'KEEPTTL')
  end
  return 'ABSENT'
end
redis.call('SET', KEYS[1], '\0ENDED', 'PX', 60000)
return 'ENDED'
