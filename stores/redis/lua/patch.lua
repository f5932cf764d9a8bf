#!lua
-- KEYS record; ARGV ttl kept version..generation maxsize maxnames set [expect remove keep clear]
-- set and expect are packed values; so are remove and keep, with empty texts. Most patches set a name or two and ask for
-- nothing else, and the server does nothing else meanwhile: what is not asked for costs nothing here.
--include record
local byte, sub = string.byte, string.sub
local record = redis.call('GET', KEYS[1])
local who, values = open(record)
if not who then return values end
if sub(record, 10, 13) ~= sub(ARGV[3], 9) then return 'CONFLICT' end

-- entry returns where the name and the text of the entry at i begin, where the next one does, and the name's first byte,
-- or another one if the name is empty. If there is none, or it is cut: nil, nil, nil, and more than a byte.
local function entry(s, i)
  local name, text, first = byte(s, i, i + 2)
  if text and name < 128 and text < 128 then -- as nearly all are
    i = i + 2
  else
    local lengths, n, scale = {}, 0, 1
    while #lengths < 2 do
      local b = byte(s, i)
      if not b then return nil, nil, nil, 256 end
      n, i = n + b % 128 * scale, i + 1
      scale = scale * 128
      if b < 128 then
        lengths[#lengths + 1], n, scale = n, 0, 1
      end
    end
    name, text, first = lengths[1], lengths[2], byte(s, i)
  end
  if not (i + name + text <= #s + 1) then return nil, nil, nil, 256 end -- a length without end is no number
  return i, i + name, i + name + text, first or 0
end

-- before reports whether a comes before b, byte by byte.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local expect, remove, keep, clear
if ARGV[7] then
  local function unpacked(s)
    local texts, i = {}, 1
    while i <= #s do
      local name, text, after = entry(s, i)
      texts[sub(s, name, text - 1)] = sub(s, text, after - 1)
      i = after
    end
    return texts
  end
  expect, remove, keep, clear = unpacked(ARGV[7]), unpacked(ARGV[8]), unpacked(ARGV[9]), ARGV[10] == '1'
end

-- The next name to set. A name of the record whose first byte is below initial comes before it.
local set, at = ARGV[6], 1
local name, text, after, initial = entry(set, at)
local wanted = name and sub(set, name, text - 1)

-- Entries that stay are copied in runs, the first one with the head; run is where the current one began.
local out, i, run, last = {'\1', sub(ARGV[3], 1, 8)}, values, 10, #record
local oldsize, oldcount, size, count = 0, 0, 0, 0
while i <= last or wanted do
  local own, n, t, next, first
  if i <= last then
    local a, b, letter = byte(record, i, i + 2)
    if letter and a < 128 and b < 128 then -- what entry says, without the call
      n, first = i + 2, letter
      t = n + a
      next = t + b
    else
      n, t, next, first = entry(record, i)
    end
    if not n or next > last + 1 then return 'CORRUPT' end
    oldsize, oldcount = oldsize + next - n, oldcount + 1
    if expect or first >= initial then own = sub(record, n, t - 1) end
  end
  if own or not n then
    local gone = false
    if expect and own then
      local expected = expect[own]
      if expected then
        if expected ~= sub(record, t, next - 1) then return 'CONFLICT' end
        expect[own] = nil
      end
      gone = remove[own] or clear and not keep[own]
    end
    while wanted and (not own or wanted == own or before(wanted, own)) do
      if i > run then out[#out + 1] = sub(record, run, i - 1) end
      run = i
      if after > text then -- no text is empty: setting one leaves the name absent
        out[#out + 1] = sub(set, at, after - 1)
        size, count = size + after - name, count + 1
      end
      gone = gone or wanted == own
      at = after
      name, text, after, initial = entry(set, at)
      wanted = name and sub(set, name, text - 1)
    end
    if gone then
      if i > run then out[#out + 1] = sub(record, run, i - 1) end
      run = next
      size, count = size - (next - n), count - 1
    end
  end
  i = next or i
end
if run <= last then out[#out + 1] = sub(record, run) end
if expect then
  for _, expected in pairs(expect) do
    if expected ~= '' then return 'CONFLICT' end
  end
end
local maxsize, maxnames = tonumber(ARGV[4]), tonumber(ARGV[5])
if size >= 0 and maxsize > 0 and oldsize + size > maxsize or count >= 0 and maxnames > 0 and oldcount + count > maxnames then
  return 'LARGE'
end

local new, ttl = table.concat(out), tonumber(ARGV[1])
if ttl <= redis.call('PTTL', KEYS[1]) then
  redis.call('SET', KEYS[1], new, 'KEEPTTL')
  return 'OK'
end
if subject(who) ~= '' then
  local ends = milliseconds() + ttl
  if ends > struct.unpack('>I6', sub(who, 25)) then
    if ARGV[2] ~= '1' then return {'KEEP', subject(who)} end
    new = sub(new, 1, 22) .. until_(who, ends + SLACK) .. sub(new, 53)
  end
end
redis.call('SET', KEYS[1], new, 'PX', ARGV[1])
return 'OK'
