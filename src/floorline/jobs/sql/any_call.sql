-- any_call: one row where there is any call at all.
SELECT toUInt8(1) FROM calls LIMIT 1
