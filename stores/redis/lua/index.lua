-- What scripts know of a subject's index: a hash with the mark (field m, milliseconds), a nonce that every change of the
-- set of sessions changes (v), and an entry for each session under the 16 bytes of its ID: a letter (l: live, x: being
-- ended), a nonce of 8 bytes, and until when the session can live (6 bytes, milliseconds).

local function last(index, ms)
  if redis.call('PTTL', index) < ms then redis.call('PEXPIRE', index, string.format('%.0f', ms)) end
end

-- refuses reports whether a login of this instant is refused.
local function refuses(index, authenticated)
  local mark = redis.call('HGET', index, 'm')
  return mark and tonumber(authenticated) <= tonumber(mark)
end

-- enter adds a session that lives for life at most. Now and then it drops entries that have outlived theirs.
local function enter(index, id, nonce, life)
  local now = milliseconds()
  if redis.call('HLEN', index) > 16 then
    local pruned = redis.call('HGET', index, 'p')
    if not pruned or now > tonumber(pruned) + DAY / 24 then
      local all = redis.call('HGETALL', index)
      for i = 1, #all, 2 do
        if #all[i] == 16 and struct.unpack('>I6', all[i + 1]:sub(10)) < now then redis.call('HDEL', index, all[i]) end
      end
      redis.call('HSET', index, 'p', string.format('%.0f', now))
    end
  end
  redis.call('HSET', index, id, 'l' .. nonce .. struct.pack('>I6', now + life + DAY), 'v', nonce)
  last(index, life + DAY)
end

-- moved tells the caller that the index is not the one it has seen, and what it is.
local function moved(index)
  local all = redis.call('HGETALL', index)
  table.insert(all, 1, 'MOVED')
  return all
end

-- mark notes the instant up to which logins are refused. It never moves back.
local function mark(index, now)
  local before = redis.call('HGET', index, 'm')
  if not before or tonumber(before) < now then redis.call('HSET', index, 'm', string.format('%.0f', now)) end
  last(index, DAY)
end

-- entered answers a login. If it asks, and the index is small, it is told what is in there.
local function entered(index, asked)
  if asked ~= '1' or redis.call('HLEN', index) > 32 then return 'OK' end
  local all = redis.call('HGETALL', index)
  table.insert(all, 1, 'OK')
  return all
end
