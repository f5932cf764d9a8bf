-- What every script knows of a record; its form is described in record.go. Numbers are lengths and milliseconds, exact
-- below 2^53; versions and digests are strings of bytes. Strings are compared for equality alone: their order in Lua is
-- the locale's.

local DAY = 86400000
local SLACK = 43200000

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- owner returns the part of a head that says whose the session is, or nil and why there is none.
local function owner(head)
  local format = head:byte(1)
  if not format or format == 0 then return nil, 'GONE' end
  if format > 1 then return nil, 'NEWER' end
  local n = head:byte(22)
  if not n or #head < 22 + n then return nil, 'CORRUPT' end
  return head:sub(23, 22 + n)
end

-- subject returns the name of the index that the session belongs into, '' for a visitor's.
local function subject(who)
  return #who == 30 and who:sub(1, 16) or ''
end

-- open returns whose a whole record is and where its values begin, or nil and the answer.
local function open(record)
  if not record then return nil, 'GONE' end
  local who, answer = owner(record)
  if not who then return nil, answer end
  local at = 23 + #who
  local high, low = record:byte(at, at + 1)
  if not low then return nil, 'CORRUPT' end
  local values = at + 2 + high * 256 + low
  local facts = record:sub(at + 2, values - 1)
  if (facts:byte(1) or 1) > 1 then return nil, 'NEWER' end
  if #record < values - 1 or redis.sha1hex(facts):sub(1, 8) ~= record:sub(14, 21) then return nil, 'CORRUPT' end
  return who, values
end

-- until_ returns an owner with another end.
local function until_(who, ms)
  return who:sub(1, 24) .. struct.pack('>I6', ms)
end
