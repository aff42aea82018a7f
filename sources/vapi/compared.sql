-- Calls by what money and routing depend on; nothing that was said.
select
    c.pull_id,
    c.call_id as item,
    f.key as field,
    f.value,
    null::numeric as number
from {raw} as c
cross join
    lateral jsonb_each(
        jsonb_strip_nulls(
            jsonb_build_object(
                'status', c.status,
                'type', c.call_type,
                'created at', c.created_at,
                'started at', c.started_at,
                'ended at', c.ended_at,
                'seconds', trim_scale(extract(epoch from c.ended_at - c.started_at)),
                'ended reason', c.ended_reason,
                'phone number id', c.phone_number_id,
                'assistant id', c.assistant_id,
                'cost', c.payload -> 'cost'
            )
        )
        || coalesce(
            (
                select jsonb_object_agg('cost of ' || parts.component, parts.cost)
                from (
                    select
                        part ->> 'type' as component,
                        sum((part ->> 'cost')::numeric) as cost
                    from json_array_elements(
                        case json_typeof(c.payload -> 'costs') when 'array' then c.payload -> 'costs' end
                    ) as part
                    group by part ->> 'type'
                ) as parts
                where parts.component is not null and parts.cost is not null
            ),
            '{{}}'
        )
    ) as f (key, value)
where c.pull_id in (%(before)s, %(after)s)
