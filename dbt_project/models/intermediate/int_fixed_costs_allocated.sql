with active_days as (
    select
        statuses.tenant_id,
        days.day::date as usage_date
    from {{ ref('stg_control__tenant_statuses') }} as statuses
    cross join
        lateral generate_series(
            statuses.valid_from::timestamp,
            least(statuses.valid_to, {{ as_of() }} + 1)::timestamp - interval '1 day',
            interval '1 day'
        ) as days (day)
    where statuses.status = 'active'
),

usage as (
    select
        tenant_id,
        usage_date,
        sum(quantity) as quantity
    from {{ ref('int_usage_unioned') }}
    where meter_id is not null and reason is null
    group by tenant_id, usage_date
),

rates as (
    select * from {{ ref('stg_control__exchange_rates') }}
),

shared as (
    select
        costs.fixed_cost_id,
        costs.currency,
        costs.allocation,
        active_days.tenant_id,
        active_days.usage_date,
        costs.monthly_amount
        / extract(day from date_trunc('month', active_days.usage_date::timestamp) + interval '1 month - 1 day')::numeric
            as daily_amount,
        case
            when costs.allocation = 'by_usage' then coalesce(usage.quantity, 0)
            when costs.allocation = 'by_revenue'
                then
                    coalesce(
                        revenue.revenue * case when revenue.currency = costs.currency then 1 else rates.rate end, 0
                    )
            else 1
        end as weight
    from {{ ref('stg_control__fixed_costs') }} as costs
    inner join active_days on active_days.usage_date >= costs.valid_from and active_days.usage_date < costs.valid_to
    left join usage
        on
            costs.allocation = 'by_usage'
            and active_days.tenant_id = usage.tenant_id
            and active_days.usage_date = usage.usage_date
    left join {{ ref('int_revenue_daily') }} as revenue
        on
            costs.allocation = 'by_revenue'
            and active_days.tenant_id = revenue.tenant_id
            and active_days.usage_date = revenue.usage_date
    left join rates
        on
            revenue.currency = rates.from_currency
            and costs.currency = rates.to_currency
            and active_days.usage_date >= rates.valid_from
            and active_days.usage_date < rates.valid_to
    where costs.monthly_amount > 0
),

weighed as (
    select
        *,
        sum(weight) over (partition by fixed_cost_id, usage_date) as total_weight,
        count(*) over (partition by fixed_cost_id, usage_date) as tenants
    from shared
),

-- On a day without revenue or usage there is nothing to weigh by, and the cost is there all the same: equal shares.
allocated as (
    select
        tenant_id,
        usage_date,
        fixed_cost_id,
        currency,
        trim_scale(case
            when total_weight > 0 then daily_amount * weight / total_weight
            else daily_amount / tenants
        end) as cost
    from weighed
)

select * from allocated
