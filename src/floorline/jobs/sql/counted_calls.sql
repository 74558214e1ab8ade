-- counted_calls: what the calls that one gateway sent on used, by everything that scopes of budgets go by: those that opened between two
-- instants, and not after `until`; without those that were under way then. The columns are the fields of jobs.budget_audit.CountedRow.
SELECT
    toString(customer_id), toString(user_id), toString(plan), toString(feature), toString(workflow), toString(key_id),
    count(), sum(input_tokens) + sum(output_tokens), reinterpret(toDecimal128(ifNull(sum(effective_cost), 0), 12), 'Int128')
FROM calls
WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND utc_day <= toDate({end:DateTime64(6, 'UTC')})
  AND opened_at >= {start:DateTime64(6, 'UTC')} AND opened_at < {end:DateTime64(6, 'UTC')}
  AND opened_at <= {until:DateTime64(6, 'UTC')}
  AND gateway = {gateway:String} AND verdict = 'forward' AND NOT has({open:Array(String)}, id)
GROUP BY customer_id, user_id, plan, feature, workflow, key_id
