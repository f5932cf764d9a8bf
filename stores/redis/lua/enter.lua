#!lua
-- KEYS index; ARGV id nonce life authenticated. An authenticated of '' is not compared with the mark.
--include record
--include index
if ARGV[4] ~= '' and refuses(KEYS[1], ARGV[4]) then return 'ENDED' end
enter(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
return 'OK'
