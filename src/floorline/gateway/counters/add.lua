-- Hold or give back something in several buckets, in all of them or in none; say what every gateway has in each.
--
-- KEYS[1]: the gateways' hash. KEYS[2..]: one hash a bucket, its fields u:NAME (used, absolute), h:NAME (held), n:NAME (calls).
-- ARGV: gateway, generation, milliseconds now, milliseconds after which a silent gateway's holds count no more; then for
-- each bucket: more to hold (may be negative), calls more, ceiling (-1: none), used by this gateway, its expiry in milliseconds.
-- Returns {0, place of the bucket without room, fields...} or {1, fields of each bucket...} or {-1}: this gateway must join again.
local gateway, generation, now, silent = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('HGET', KEYS[1], 'g:' .. gateway) ~= generation then
    return {-1}
end
if redis.call('EXISTS', KEYS[1] .. ':new') == 1 then
    return {-2}
end
local seen = {}
local function is_silent(name)
    if seen[name] == nil then
        local at = redis.call('HGET', KEYS[1], 's:' .. name)
        seen[name] = name ~= gateway and (not at or now - tonumber(at) > silent)
    end
    return seen[name]
end
redis.call('HSET', KEYS[1], 's:' .. gateway, now)
local answer = {1}
for at = 2, #KEYS do
    local base = 5 + (at - 2) * 5
    local more, ceiling = tonumber(ARGV[base]), tonumber(ARGV[base + 2])
    local fields = redis.call('HGETALL', KEYS[at])
    local total = 0
    for field = 1, #fields, 2 do
        local kind, name = string.sub(fields[field], 1, 2), string.sub(fields[field], 3)
        if kind == 'h:' and is_silent(name) then
            fields[field + 1] = '0'
        end
        if kind == 'u:' and name == gateway then
            fields[field + 1] = ARGV[base + 3]
        end
        if kind ~= 'n:' then
            total = total + tonumber(fields[field + 1])
        end
    end
    if redis.call('HEXISTS', KEYS[at], 'u:' .. gateway) == 0 then
        total = total + tonumber(ARGV[base + 3])
    end
    if total > 9e15 then  -- beyond 2^53 a sum is rounded: never in favour of the call
        total = total + total / 2^51
    end
    answer[at] = fields
    if ceiling >= 0 and more > 0 and total + more > ceiling then
        return {0, at - 1, fields}
    end
end
for at = 2, #KEYS do
    local base = 5 + (at - 2) * 5
    redis.call('HSET', KEYS[at], 'u:' .. gateway, ARGV[base + 3])
    redis.call('HINCRBY', KEYS[at], 'h:' .. gateway, ARGV[base])
    redis.call('HINCRBY', KEYS[at], 'n:' .. gateway, ARGV[base + 1])
    redis.call('PEXPIREAT', KEYS[at], ARGV[base + 4])
end
return answer
