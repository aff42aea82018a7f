with source as (
    {{ calls_read() }}
),

renamed as (
    select
        ---------- ids
        source.pull_id,
        source.call_id,
        item.cost_index,
        ---------- texts
        coalesce(item.cost_item ->> 'type', 'unknown') as component,
        ---------- numerics
        {{ json_number("item.cost_item -> 'cost'") }} as cost,
        {{ json_number("item.cost_item -> 'minutes'") }} as minutes,
        ---------- booleans
        case
            when {{ json_number("item.cost_item -> 'cost'") }} = 0
                then
                    exists (
                        select from json_each(item.cost_item) as part (key, value)
                        where part.key ~* '(minutes|characters|tokens)$' and {{ json_number('part.value') }} > 0
                    )
            else false
        end as is_billed_as_0
    from source
    cross join
        lateral json_array_elements(
            case when json_typeof(source.payload -> 'costs') = 'array' then source.payload -> 'costs' end
        ) with ordinality as item (cost_item, cost_index)
    where json_typeof(item.cost_item) = 'object'
)

select * from renamed
