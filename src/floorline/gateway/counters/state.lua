-- Put what a gateway has in one bucket in the place of what is known of it, and what it knows of others where that is more.
--
-- KEYS[1]: the gateways' hash, KEYS[2]: the bucket. ARGV: gateway, generation, used, held, calls, the bucket's expiry in milliseconds;
-- then name and used of each other gateway that is known. Returns 1, or -1: this gateway must join again.
local gateway = ARGV[1]
if redis.call('HGET', KEYS[1], 'g:' .. gateway) ~= ARGV[2] then
    return -1
end
redis.call('HSET', KEYS[2], 'u:' .. gateway, ARGV[3], 'h:' .. gateway, ARGV[4], 'n:' .. gateway, ARGV[5])
for at = 7, #ARGV, 2 do
    local known = redis.call('HGET', KEYS[2], 'u:' .. ARGV[at])
    if not known or tonumber(known) < tonumber(ARGV[at + 1]) then
        redis.call('HSET', KEYS[2], 'u:' .. ARGV[at], ARGV[at + 1])
    end
end
redis.call('PEXPIREAT', KEYS[2], ARGV[6])
return 1
