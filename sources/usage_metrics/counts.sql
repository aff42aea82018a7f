-- What was created in [:window_start, :window_end), by UTC day and agent; an index on created_at keeps it quick.
select
    cast(created_at at time zone 'UTC' as date) as usage_date,
    coalesce(cast(agent_id as text), '') as agent_id,
    count(*) as row_count,
    sum(quantity) as quantity,
    coalesce(sum(cost_usd), 0) as cost
from agent_usage_metrics
where created_at >= :window_start and created_at < :window_end
group by 1, 2
