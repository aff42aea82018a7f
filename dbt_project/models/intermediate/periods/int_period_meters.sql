{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'period_start']}]) }}
-- Which price and which allowance rule a meter in a period: those in force on its first billed day, a tenant's own
-- price first.
with usage as (
    select * from {{ ref('int_usage_unioned') }}
    where
        meter_id is not null and reason is null and quantity <> 0
        and {{ of_changed_tenants('tenant_id') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

used as (
    select
        periods.tenant_id,
        periods.period_start,
        usage.meter_id,
        sum(usage.quantity) as quantity
    from usage
    inner join {{ ref('int_period_days') }} as periods
        on usage.tenant_id = periods.tenant_id and usage.usage_date = periods.usage_date
    group by periods.tenant_id, periods.period_start, usage.meter_id
),

-- A meter of an approved period whose usage has gone since still has to be rated, at nothing.
frozen as (
    select
        tenant_id,
        service_period_start,
        meter_id
    from {{ ref('stg_ledger__statement_lines') }}
    where line_kind = 'overage' and {{ of_changed_tenants('tenant_id') }}
),

metered as (
    select
        tenant_id,
        period_start,
        meter_id,
        quantity
    from used
    union all
    select
        periods.tenant_id,
        periods.period_start,
        frozen.meter_id,
        0 as quantity
    from frozen
    inner join periods
        on
            frozen.tenant_id = periods.tenant_id
            and frozen.service_period_start >= periods.period_start
            and frozen.service_period_start < periods.period_end
    left join used
        on
            periods.tenant_id = used.tenant_id
            and periods.period_start = used.period_start
            and frozen.meter_id = used.meter_id
    where used.tenant_id is null
),

with_terms as (
    select
        metered.tenant_id,
        metered.period_start,
        metered.meter_id,
        metered.quantity,
        periods.currency,
        coalesce(allowances.quantity, 0) as whole_allowance,
        case
            when periods.prorates_allowance
                then
                    round(coalesce(allowances.quantity, 0)::numeric * periods.billed_days / periods.period_days)
            else coalesce(allowances.quantity, 0)
        end as allowance,
        case
            when own_prices.price_id is not null and own_prices.model <> 'plan' then own_prices.price_id
            else plan_prices.price_id
        end as price_id,
        case
            when own_prices.price_id is not null and own_prices.model <> 'plan' then own_prices.model
            else plan_prices.model
        end as model
    from metered
    inner join periods on metered.tenant_id = periods.tenant_id and metered.period_start = periods.period_start
    left join {{ ref('stg_control__allowances') }} as allowances
        on
            periods.plan_id = allowances.plan_id
            and metered.meter_id = allowances.meter_id
            and periods.service_start >= allowances.valid_from
            and periods.service_start < allowances.valid_to
    left join {{ ref('stg_control__prices') }} as own_prices
        on
            metered.tenant_id = own_prices.tenant_id
            and metered.meter_id = own_prices.meter_id
            and periods.service_start >= own_prices.valid_from
            and periods.service_start < own_prices.valid_to
    left join {{ ref('stg_control__prices') }} as plan_prices
        on
            periods.plan_id = plan_prices.plan_id
            and metered.meter_id = plan_prices.meter_id
            and periods.service_start >= plan_prices.valid_from
            and periods.service_start < plan_prices.valid_to
),

bounded as (
    select
        with_terms.*,
        greatest(with_terms.quantity - with_terms.allowance, 0) as over_allowance,
        control.priced_up_to(prices.tiers) as priced_up_to
    from with_terms
    left join {{ ref('stg_control__prices') }} as prices on with_terms.price_id = prices.price_id
),

priced as (
    select
        *,
        case
            when price_id is null then 0
            else least(over_allowance, coalesce(priced_up_to, over_allowance))
        end as overage_quantity
    from bounded
)

select * from priced
