with overages as (
    select * from {{ ref('int_period_meters') }}
    where overage_quantity > 0
),

tiers as (
    select * from {{ ref('int_price_tiers') }}
),

-- Graduated: each unit at its own tier. Volume: all at the tier the last one falls in. A package once begun counts
-- whole.
in_tiers as (
    select
        overages.tenant_id,
        overages.period_start,
        overages.meter_id,
        tiers.tier_index,
        tiers.unit_amount,
        tiers.package_size,
        case
            when overages.model = 'package' then ceil(overages.overage_quantity / tiers.package_size)
            when overages.model = 'volume' then overages.overage_quantity
            else
                least(overages.overage_quantity, coalesce(tiers.upper_bound, overages.overage_quantity))
                - tiers.lower_bound
        end as rated_quantity
    from overages
    inner join tiers
        on
            overages.price_id = tiers.price_id
            and overages.overage_quantity > tiers.lower_bound
            and (
                overages.model <> 'volume'
                or overages.overage_quantity <= coalesce(tiers.upper_bound, overages.overage_quantity)
            )
),

rated as (
    select
        tenant_id,
        period_start,
        meter_id,
        trim_scale(sum(rated_quantity * unit_amount)) as unrounded_amount,
        jsonb_agg(
            jsonb_strip_nulls(jsonb_build_object(
                'tier', tier_index,
                'quantity', rated_quantity,
                'unit_amount', unit_amount,
                'package_size', package_size
            )) order by tier_index
        ) as tiers
    from in_tiers
    group by tenant_id, period_start, meter_id
)

select * from rated
