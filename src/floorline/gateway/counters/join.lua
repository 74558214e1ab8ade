-- Begin a new connection of a gateway: what its earlier ones sent and was not served yet counts no more.
--
-- KEYS[1]: the gateways' hash. ARGV: gateway, milliseconds now, milliseconds for which counters that are new are not used.
-- Returns {generation, milliseconds until the counters can be used}. Without a gateway's name there the counters were lost, or are
-- new: every gateway then has that long to put back what it knows.
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('SET', KEYS[1] .. ':new', '1', 'PX', ARGV[3])
end
local generation = redis.call('HINCRBY', KEYS[1], 'g:' .. ARGV[1], 1)
redis.call('HSET', KEYS[1], 's:' .. ARGV[1], ARGV[2])
return {generation, math.max(redis.call('PTTL', KEYS[1] .. ':new'), 0)}
