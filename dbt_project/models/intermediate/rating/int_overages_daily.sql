{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
with usage as (
    select
        tenant_id,
        meter_id,
        source,
        unit,
        usage_date,
        sum(quantity) as quantity
    from {{ ref('int_usage_unioned') }}
    where
        meter_id is not null and reason is null and quantity <> 0
        and {{ of_changed_tenants('tenant_id') }}
    group by tenant_id, meter_id, source, unit, usage_date
),

-- By itself, since the planner would first give each day every period of its meter: 33 times the days after three years.
placed as materialized (
    select
        usage.*,
        periods.period_start
    from usage
    inner join {{ ref('int_period_days') }} as periods
        on usage.tenant_id = periods.tenant_id and usage.usage_date = periods.usage_date
),

in_periods as (
    select
        usage.tenant_id,
        usage.meter_id,
        usage.source,
        usage.unit,
        usage.usage_date,
        usage.quantity,
        usage.period_start,
        meters.allowance,
        meters.price_id,
        meters.priced_up_to,
        sum(usage.quantity) over (
            partition by usage.tenant_id, usage.period_start, usage.meter_id order by usage.usage_date
        ) as cumulative_quantity
    from placed as usage
    inner join {{ ref('int_period_meters') }} as meters
        on
            usage.tenant_id = meters.tenant_id
            and usage.period_start = meters.period_start
            and usage.meter_id = meters.meter_id
),

-- Days in order: what each adds to the units above the allowance, of which a bounded last tier prices only the first.
waterfall as (
    select
        *,
        greatest(cumulative_quantity - allowance, 0) as over_until,
        greatest(cumulative_quantity - quantity - allowance, 0) as over_before
    from in_periods
),

priced as (
    select
        tenant_id,
        meter_id,
        source,
        unit,
        usage_date,
        period_start,
        quantity,
        cumulative_quantity,
        allowance,
        price_id,
        case
            when price_id is null then 0
            else
                least(over_until, coalesce(priced_up_to, over_until))
                - least(over_before, coalesce(priced_up_to, over_before))
        end as overage_quantity,
        case
            when price_id is null then quantity
            else
                greatest(over_until - coalesce(priced_up_to, over_until), 0)
                - greatest(over_before - coalesce(priced_up_to, over_before), 0)
        end as unpriced_quantity
    from waterfall
)

select * from priced
