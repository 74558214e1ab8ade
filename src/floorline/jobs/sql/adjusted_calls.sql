-- What earlier batches made of the calls that opened in a span: sums of the deltas, and what the last batch left.
-- The columns are the fields of jobs.repricing.Adjusted.
SELECT
    call_source, call_id,
    sum(list_delta), sum(contracted_delta), sum(effective_delta), sum(retry_delta),
    argMax(new_basis, applied_at), argMax(new_price_version, applied_at), argMax(batch, applied_at)
FROM adjustments
WHERE opened_at >= {first:DateTime64(6, 'UTC')} AND opened_at <= {last:DateTime64(6, 'UTC')}
  AND ({model:String} = '' OR model_served = {model:String})
  AND ({provider:String} = '' OR provider = {provider:String})
  AND ({feature:String} = '' OR feature = {feature:String})
GROUP BY call_source, call_id
