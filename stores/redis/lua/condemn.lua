#!lua flags=allow-oom
-- KEYS index; ARGV nonce-seen nonce keep id…
-- Without IDs it condemns all sessions but keep and sets the mark; else those named, if the index is still the one seen.
-- Answers the IDs that it condemned, then '', then the entries of all that are condemned.
--include record
--include index
local index, named = KEYS[1], {}
if #ARGV > 3 and (redis.call('HGET', index, 'v') or '') ~= ARGV[1] then return moved(index) end
for i = 4, #ARGV do named[ARGV[i]] = true end
local out, all = {'OK'}, redis.call('HGETALL', index)
local condemned = {}
for i = 1, #all, 2 do
  local id, entry = all[i], all[i + 1]
  if #id == 16 then
    if entry:sub(1, 1) == 'l' and (#ARGV > 3 and named[id] or #ARGV == 3 and id ~= ARGV[3]) then
      entry = 'x' .. entry:sub(2)
      redis.call('HSET', index, id, entry, 'v', ARGV[2])
      out[#out + 1] = id
    end
    if entry:sub(1, 1) == 'x' then
      condemned[#condemned + 1] = id
      condemned[#condemned + 1] = entry
    end
  end
end
if #ARGV == 3 then mark(index, milliseconds()) end
out[#out + 1] = ''
for _, text in ipairs(condemned) do out[#out + 1] = text end
return out
