-- found_calls: calls opened in a stretch of time that are as asked, newest first, after a cursor. The columns are the fields of
-- jobs.calls.FoundCall; amounts are text, '' where they are unknown. An empty text or array asks for anything.
SELECT
    CAST(source AS String), id, opened_at, customer_id, user_id, CAST(plan AS String), CAST(feature AS String),
    CAST(workflow AS String), run_id, CAST(step AS String), CAST(provider AS String), CAST(model_requested AS String),
    CAST(model_served AS String), streamed, status, CAST(ending AS String), CAST(verdict AS String), CAST(cache AS String),
    CAST(`touches.guardrail` AS Array(String)), input_tokens, output_tokens, duration_us, length(`attempts.status`),
    CAST(cost_basis AS String), ifNull(toString(effective_cost), ''), CAST(environment AS String), CAST(purpose AS String)
FROM calls
WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND utc_day <= toDate({end:DateTime64(6, 'UTC')})
  AND opened_at >= {start:DateTime64(6, 'UTC')} AND opened_at < {end:DateTime64(6, 'UTC')}
  AND (opened_at, source, id) < ({before:DateTime64(6, 'UTC')}, {before_source:String}, {before_id:String})
  AND ({id:String} = '' OR id = {id:String})
  AND (empty({customers:Array(String)}) OR customer_id IN {customers:Array(String)})
  AND ({user:String} = '' OR user_id = {user:String})
  AND (empty({features:Array(String)}) OR feature IN {features:Array(String)})
  AND (empty({plans:Array(String)}) OR plan IN {plans:Array(String)})
  AND ({workflow:String} = '' OR workflow = {workflow:String})
  AND ({step:String} = '' OR step = {step:String})
  AND ({run:String} = '' OR run_id = {run:String})
  AND ({key:String} = '' OR key_id = {key:String})
  AND ({model:String} = '' OR model_served = {model:String} OR model_requested = {model:String})
  AND ({provider:String} = '' OR provider = {provider:String})
  AND ({ending:String} = '' OR ending = {ending:String})
  AND ({verdict:String} = '' OR verdict = {verdict:String})
  AND ({status:UInt16} = 0 OR status = {status:UInt16})
  AND ({guardrail:String} = '' OR has(`touches.guardrail`, {guardrail:String}))
  AND ({basis:String} = '' OR cost_basis = {basis:String})
  AND ({cost_min:Decimal(18, 12)} = 0 OR effective_cost >= {cost_min:Decimal(18, 12)})
  AND ({streamed:Int8} < 0 OR streamed = ({streamed:Int8} > 0))
  AND ({unattributed:UInt8} = 0 OR customer_id = '' OR feature = '')
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
  AND ({outcome:String} = '' OR run_id IN
  (
      SELECT run_id FROM outcomes WHERE run_id != '' GROUP BY outcome_id, run_id
      HAVING argMax(status, (recorded_at, id)) = {outcome:String}
  ))
ORDER BY opened_at DESC, source DESC, id DESC
LIMIT {rows:UInt32}
SETTINGS max_execution_time = $seconds
