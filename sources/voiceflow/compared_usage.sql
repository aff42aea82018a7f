-- Counts by what tells them apart; top intents are visitors' words, so only their number is compared.
select
    u.pull_id,
    concat_ws(
        ' / ', u.project_id, u.environment_id, u.metric, to_char(u.period_at, 'HH24:MI'), u.usage_type,
        case
            when u.metric <> 'top_intents'
                then (
                    select string_agg(part.key || ' ' || (part.value #>> '{{}}'), ', ' order by part.key)
                    from json_each(u.payload) as part
                    where
                        part.key in (
                            'diagramID', 'nodeID', 'model', 'functionID', 'apiToolID', 'documentID',
                            'integrationToolName', 'environmentID'
                        )
                        and json_typeof(part.value) = 'string' and part.value #>> '{{}}' <> ''
                )
        end
    ) as item,
    'quantity' as field,
    null::jsonb as value,
    u.quantity::numeric as number
from {raw} as u
where u.pull_id in (%(before)s, %(after)s)
