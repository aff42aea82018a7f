-- Rows of agents nobody knows, those without an agent included, created in [:window_start, :window_end).
select
    agent_id,
    metric_type,
    quantity,
    created_at,
    cost_usd,
    cast(json_build_object(
        'agent_id', agent_id,
        'metric_type', metric_type,
        'quantity', quantity,
        'cost_usd', cost_usd,
        'metadata', metadata,
        'created_at', created_at
    ) as text) as payload
from agent_usage_metrics
where
    created_at >= :window_start and created_at < :window_end
    and (agent_id is null or cast(agent_id as text) <> all(:agents))
