-- Rows of one agent, metric and moment together.
select
    m.pull_id,
    concat_ws(' / ', m.usage_agent_id, m.metric_type, m.recorded_at at time zone 'UTC') as item,
    f.field,
    null::jsonb as value,
    f.number
from {raw} as m
cross join
    lateral (
        values ('rows', 1::numeric), ('quantity', m.quantity), ('cost', (m.payload ->> 'cost_usd')::numeric)
    ) as f (field, number)
where m.pull_id in (%(before)s, %(after)s) and f.number is not null
