-- Which model judged an answer, where one did: its labels count for no more than that judge is known to be right.
ALTER TABLE labels ADD COLUMN IF NOT EXISTS judge LowCardinality(String)
