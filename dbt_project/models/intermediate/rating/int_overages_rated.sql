-- A period's overage by tier and in all, by the one rule of tiers.
with overages as (
    select
        meters.tenant_id,
        meters.period_start,
        meters.meter_id,
        meters.overage_quantity,
        prices.model,
        prices.unit_amount,
        prices.package_size,
        prices.tiers
    from {{ ref('int_period_meters') }} as meters
    inner join {{ ref('stg_control__prices') }} as prices on meters.price_id = prices.price_id
    where meters.overage_quantity > 0
),

in_tiers as (
    select
        overages.tenant_id,
        overages.period_start,
        overages.meter_id,
        overages.package_size,
        rated.tier_index,
        rated.quantity,
        rated.unit_amount_of_tier
    from overages
    cross join lateral control.rated_tiers(
        overages.model, overages.unit_amount, overages.package_size, overages.tiers,
        0, overages.overage_quantity, overages.overage_quantity
    ) as rated
),

rated as (
    select
        tenant_id,
        period_start,
        meter_id,
        trim_scale(sum(quantity * unit_amount_of_tier)) as unrounded_amount,
        jsonb_agg(
            jsonb_strip_nulls(jsonb_build_object(
                'tier', tier_index,
                'quantity', quantity,
                'unit_amount', unit_amount_of_tier,
                'package_size', package_size
            )) order by tier_index
        ) as tiers
    from in_tiers
    group by tenant_id, period_start, meter_id
)

select * from rated
