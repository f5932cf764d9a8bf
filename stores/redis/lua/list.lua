#!lua flags=no-writes
-- KEYS index record…; ARGV nonce. Answers the TTL and the head, facts included, of each record.
if (redis.call('HGET', KEYS[1], 'v') or '') ~= ARGV[1] then
  local all = redis.call('HGETALL', KEYS[1])
  table.insert(all, 1, 'MOVED')
  return all
end
local out = {'OK'}
for i = 2, #KEYS do
  out[#out + 1] = redis.call('PTTL', KEYS[i])
  local head = redis.call('GETRANGE', KEYS[i], 0, 1023)
  local at = 23 + (head:byte(22) or 0)
  local high, low = head:byte(at, at + 1)
  if low then
    local ends = at + 1 + high * 256 + low
    if ends > #head then head = redis.call('GETRANGE', KEYS[i], 0, ends - 1) end
    head = head:sub(1, ends)
  end
  out[#out + 1] = head
end
return out
