#!lua flags=allow-oom
-- KEYS index record…; ARGV nonce-seen nonce digest keep most spare id…
-- With most = '' it ends all sessions but keep and sets the mark; else the oldest but spare until at most so many are left.
--include record
--include index
local index, keep, most = KEYS[1], ARGV[4], tonumber(ARGV[5])
if (redis.call('HGET', index, 'v') or '') ~= ARGV[1] then
  if most then -- a limit that is kept by all that could be there needs no look at the records
    local n = redis.call('HLEN', index)
    for _, field in ipairs({'m', 'v', 'p'}) do n = n - redis.call('HEXISTS', index, field) end
    if n <= most then return {'OK'} end
  end
  return moved(index)
end
local live, dead = {}, {}
for i = 2, #KEYS do
  local id, head = ARGV[5 + i], redis.call('GETRANGE', KEYS[i], 0, 51)
  local who, answer = owner(head)
  if head == '' or answer == 'GONE' or who and subject(who) ~= ARGV[3] then
    dead[#dead + 1] = id
  else
    -- Of a session that cannot be read a later release's is the newest, and a damaged one the oldest.
    local at = answer == 'NEWER' and 2^53 or -2^53
    if who then at = struct.unpack('>i8', who:sub(17, 24)) end
    live[#live + 1] = {id = id, key = KEYS[i], at = at}
  end
end
local ended, spare = {'OK'}, ARGV[6]
if most then table.sort(live, function(a, b) return a.at < b.at end) end
local excess = most and #live - most or #live
for _, session in ipairs(live) do
  if excess <= 0 then break end
  if session.id ~= keep and session.id ~= spare then
    redis.call('DEL', session.key)
    dead[#dead + 1], ended[#ended + 1] = session.id, session.id
    if most then excess = excess - 1 end
  end
end
for _, id in ipairs(dead) do redis.call('HDEL', index, id) end
if #ended > 1 then redis.call('HSET', index, 'v', ARGV[2]) end
if not most then mark(index, milliseconds()) end
return ended
