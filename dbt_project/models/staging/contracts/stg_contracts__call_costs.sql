with mapped as (
    select * from {{ ref('stg_vapi__call_costs') }}
),

landed as (
    select * from {{ source('contracts', 'calls') }}
),

items as (
    select
        landed.pull_id,
        landed.call_id,
        item.cost_index,
        item.cost_item ->> 'component' as component,
        {{ json_number("item.cost_item -> 'cost'") }} as cost,
        {{ json_number("item.cost_item -> 'quantity'") }} as quantity,
        item.cost_item ->> 'unit' as quantity_unit,
        coalesce(item.cost_item ->> 'is_used' = 'true', false) as is_used
    from landed
    cross join lateral json_array_elements(landed.cost_items) with ordinality as item (cost_item, cost_index)
),

unioned as (
    select
        pull_id,
        call_id,
        cost_index,
        component,
        cost,
        minutes,
        quantity,
        quantity_unit,
        is_billed_as_0
    from mapped
    union all
    select
        pull_id,
        call_id,
        cost_index,
        component,
        cost,
        null::numeric as minutes,
        quantity,
        quantity_unit,
        cost = 0 and is_used as is_billed_as_0
    from items
)

select * from unioned
