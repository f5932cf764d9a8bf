#!lua
-- KEYS record; ARGV version generation ttl maxsize maxnames clear set expect remove keep kept
-- set and expect are packed values; so are remove and keep, with empty texts.
--include record
local record = redis.call('GET', KEYS[1])
local old, answer = open(record)
if not old then return answer end
if old.generation ~= ARGV[2] then return 'CONFLICT' end

local function varint(s, i)
  local n, scale = 0, 1
  while true do
    local b = s:byte(i)
    if not b then return nil end
    i = i + 1
    if b < 128 then return n + b * scale, i end
    n, scale = n + (b - 128) * scale, scale * 128
  end
end

-- entry returns where the name and the text of the entry at i begin, and where the next one does; nil if it is cut.
local function entry(s, i)
  local name, text
  name, i = varint(s, i)
  if not name then return nil end
  text, i = varint(s, i)
  if not text or i + name + text - 1 > #s then return nil end
  return i, i + name, i + name + text
end

local function unpacked(s)
  local texts, i = {}, 1
  while i <= #s do
    local name, text, after = entry(s, i)
    texts[s:sub(name, text - 1)] = s:sub(text, after - 1)
    i = after
  end
  return texts
end

-- before reports whether a comes before b, byte by byte.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local set, expect = ARGV[7], unpacked(ARGV[8])
local remove, keep, clear = unpacked(ARGV[9]), unpacked(ARGV[10]), ARGV[6] == '1'
local out, size, count, oldsize, oldcount = {}, 0, 0, 0, 0

-- The next entry of set.
local at, name, text, after, wanted = 1
local function advance()
  wanted = nil
  if at <= #set then
    name, text, after = entry(set, at)
    wanted = set:sub(name, text - 1)
  end
end
local function take()
  if after > text then -- no text is empty: setting one leaves the name absent
    out[#out + 1] = set:sub(at, after - 1)
    size, count = size + after - name, count + 1
  end
  at = after
  advance()
end
advance()

-- Entries that stay are copied in runs; run is where the current one began.
local i, run = old.values, old.values
local function flush(to)
  if to > run then out[#out + 1] = record:sub(run, to - 1) end
end
while i <= #record do
  local n, t, next = entry(record, i)
  if not n then return 'CORRUPT' end
  local own = record:sub(n, t - 1)
  oldsize, oldcount = oldsize + next - n, oldcount + 1
  local expected = expect[own]
  if expected then
    if expected ~= record:sub(t, next - 1) then return 'CONFLICT' end
    expect[own] = nil
  end
  while wanted and wanted ~= own and before(wanted, own) do
    flush(i)
    run = i
    take()
  end
  if wanted == own then
    flush(i)
    run = next
    take()
  elseif remove[own] or clear and not keep[own] then
    flush(i)
    run = next
  else
    size, count = size + next - n, count + 1
  end
  i = next
end
flush(i)
while wanted do take() end
for _, expected in pairs(expect) do
  if expected ~= '' then return 'CONFLICT' end
end
local maxsize, maxnames = tonumber(ARGV[4]), tonumber(ARGV[5])
if maxsize > 0 and size > maxsize and size >= oldsize or maxnames > 0 and count > maxnames and count >= oldcount then
  return 'LARGE'
end

local ttl, who = tonumber(ARGV[3]), old.owner
local extends = ttl > redis.call('PTTL', KEYS[1])
if extends and subject(who) ~= '' then
  local ends = milliseconds() + ttl
  if ends > struct.unpack('>I6', who:sub(25)) then
    if ARGV[11] ~= '1' then return {'KEEP', subject(who)} end
    who = until_(who, ends + SLACK)
  end
end
local new = record:sub(1, 1) .. ARGV[1] .. record:sub(10, 22) .. who
  .. record:sub(23 + #who, old.values - 1) .. table.concat(out)
if extends then
  redis.call('SET', KEYS[1], new, 'PX', ARGV[3])
else
  redis.call('SET', KEYS[1], new, 'KEEPTTL')
end
return 'OK'
