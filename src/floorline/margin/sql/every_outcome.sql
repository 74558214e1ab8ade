-- every_outcome: in place of last_outcomes, where every outcome has one record.
WHERE toDate(at, {timezone:String}) >= {start:Date} AND toDate(at, {timezone:String}) < {end:Date}
