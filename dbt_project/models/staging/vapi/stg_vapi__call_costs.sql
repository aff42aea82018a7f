with source as (
    {{ calls_read() }}
),

items as (
    select
        source.pull_id,
        source.call_id,
        item.cost_index,
        item.cost_item,
        {{ json_number("item.cost_item -> 'cost'") }} as cost,
        {{ json_number("item.cost_item -> 'minutes'") }} as minutes,
        {{ json_number("item.cost_item -> 'characters'") }} as characters,
        {{ json_number("item.cost_item -> 'promptTokens'") }} as prompt_tokens,
        {{ json_number("item.cost_item -> 'completionTokens'") }} as completion_tokens
    from source
    cross join
        lateral json_array_elements(
            case when json_typeof(source.payload -> 'costs') = 'array' then source.payload -> 'costs' end
        ) with ordinality as item (cost_item, cost_index)
    where json_typeof(item.cost_item) = 'object'
),

renamed as (
    select
        ---------- ids
        pull_id,
        call_id,
        cost_index,
        ---------- texts
        coalesce(cost_item ->> 'type', 'unknown') as component,
        -- What its cost can be shared by is the one thing that the item counts.
        case
            when coalesce(prompt_tokens, completion_tokens) is not null then 'token'
            when characters is not null then 'character'
            when minutes is not null then 'second'
        end as quantity_unit,
        ---------- numerics
        cost,
        minutes,
        case
            when coalesce(prompt_tokens, completion_tokens) is not null
                then coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0)
            else coalesce(characters, 60 * minutes)
        end as quantity,
        ---------- booleans
        case
            when cost = 0
                then
                    exists (
                        select from json_each(items.cost_item) as part (key, value)
                        where part.key ~* '(minutes|characters|tokens)$' and {{ json_number('part.value') }} > 0
                    )
            else false
        end as is_billed_as_0
    from items
)

select * from renamed
