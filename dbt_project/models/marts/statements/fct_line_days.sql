{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'line_id']}]) }}
with days as (
    select
        *,
        sum(overage_quantity) over (
            partition by tenant_id, period_start, meter_id order by usage_date
        ) as overage_until,
        sum(overage_quantity) over (partition by tenant_id, period_start, meter_id) as overage_of_period
    from {{ ref('int_overages_daily') }}
    where price_id is not null and {{ of_changed_tenants('tenant_id') }}
),

prices as (
    select * from {{ ref('stg_control__prices') }}
),

-- What each day adds to the amount, days in order, so that the days of a line sum to it.
rated as (
    select
        days.*,
        added.amount
    from days
    inner join prices on days.price_id = prices.price_id
    cross join
        lateral (
            select sum(tiers.quantity * tiers.unit_amount_of_tier) as amount
            from control.rated_tiers(
                prices.model, prices.unit_amount, prices.package_size, prices.tiers,
                days.overage_until - days.overage_quantity, days.overage_until, days.overage_of_period
            ) as tiers
        ) as added
    where days.overage_of_period > 0
),

pulls as (
    select
        usage.tenant_id,
        usage.meter_id,
        usage.usage_date,
        array_agg(distinct usage.pull_id order by usage.pull_id) as pull_ids
    from {{ ref('int_usage_unioned') }} as usage
    where usage.meter_id is not null and usage.reason is null and {{ of_changed_tenants('usage.tenant_id') }}
    group by usage.tenant_id, usage.meter_id, usage.usage_date
),

explained as (
    select
        concat_ws('/', rated.tenant_id, rated.period_start::text, 'overage', rated.meter_id) as line_id,
        rated.tenant_id,
        rated.period_start,
        rated.meter_id,
        rated.source,
        rated.usage_date,
        rated.quantity,
        rated.cumulative_quantity,
        rated.allowance,
        rated.overage_quantity,
        rated.unit,
        coalesce(rated.amount, 0) as amount,
        rated.price_id,
        pulls.pull_ids
    from rated
    left join pulls
        on
            rated.tenant_id = pulls.tenant_id
            and rated.meter_id = pulls.meter_id
            and rated.usage_date = pulls.usage_date
)

select * from explained
where {{ is_real('tenant_id') }}
