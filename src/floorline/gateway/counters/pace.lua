-- Count a call in several rates, in all of them or in none.
--
-- KEYS: one hash a rate, its fields second → quantity. ARGV: the second now, the period in seconds; then for each rate: quantity, limit.
-- Returns {0}, or {place of the rate without room, its sum, seconds to wait}.
local now, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local added = {}
for at = 1, #KEYS do
    local quantity, limit = tonumber(ARGV[1 + at * 2]), tonumber(ARGV[2 + at * 2])
    local fields, kept, total = redis.call('HGETALL', KEYS[at]), {}, 0
    for field = 1, #fields, 2 do
        local second = tonumber(fields[field])
        if second <= now - period then
            redis.call('HDEL', KEYS[at], fields[field])
        else
            kept[#kept + 1] = {second, tonumber(fields[field + 1])}
            total = total + tonumber(fields[field + 1])
        end
    end
    if limit >= 0 and total + quantity > limit and total > 0 then
        table.sort(kept, function(one, other) return one[1] < other[1] end)
        local left = total
        for _, one in ipairs(kept) do
            left = left - one[2]
            if left + quantity <= limit or left <= 0 then
                return {at, total, math.max(one[1] + period - now, 1)}
            end
        end
        return {at, total, period}
    end
end
for at = 1, #KEYS do
    redis.call('HINCRBY', KEYS[at], ARGV[1], ARGV[1 + at * 2])
    redis.call('EXPIRE', KEYS[at], period * 2)
end
return {0}
