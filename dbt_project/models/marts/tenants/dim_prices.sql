with prices as (
    select * from {{ ref('stg_control__prices') }}
),

described as (
    select
        prices.price_id,
        prices.plan_id,
        prices.tenant_id,
        prices.meter_id,
        meters.unit,
        prices.model,
        prices.unit_amount,
        prices.package_size,
        prices.tiers,
        coalesce(plans.currency, tenants.currency) as currency,
        prices.valid_from,
        nullif(prices.valid_to, 'infinity') as valid_to
    from prices
    inner join {{ ref('stg_control__meters') }} as meters on prices.meter_id = meters.meter_id
    left join {{ ref('stg_control__plans') }} as plans on prices.plan_id = plans.plan_id
    left join {{ ref('stg_control__tenants') }} as tenants on prices.tenant_id = tenants.tenant_id
)

select * from described
