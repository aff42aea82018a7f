{{ config(materialized='view') }}
-- Every model as tiers, so that rating is one sum: per unit and package are one tier without an end.
with prices as (
    select * from {{ ref('stg_control__prices') }}
    where model <> 'plan'
),

single as (
    select
        price_id,
        model,
        package_size,
        1::bigint as tier_index,
        0::numeric as lower_bound,
        null::numeric as upper_bound,
        unit_amount,
        true as is_last
    from prices
    where model in ('per_unit', 'package')
),

tiered as (
    select
        prices.price_id,
        prices.model,
        null::bigint as package_size,
        tiers.tier_index,
        coalesce(
            lag((tiers.tier ->> 'up_to')::numeric) over (partition by prices.price_id order by tiers.tier_index), 0
        ) as lower_bound,
        (tiers.tier ->> 'up_to')::numeric as upper_bound,
        (tiers.tier ->> 'unit_amount')::numeric as unit_amount,
        tiers.tier_index = jsonb_array_length(prices.tiers) as is_last
    from prices
    cross join lateral jsonb_array_elements(prices.tiers) with ordinality as tiers (tier, tier_index)
    where prices.model in ('graduated', 'volume')
),

unioned as (
    select * from single
    union all
    select * from tiered
)

select * from unioned
