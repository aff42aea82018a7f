{{ config(meta={'due_with': 'shares'}) }}
-- All shares of a day come of all its tenants, so either all of them are due or none.
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
    where
        statuses.status = 'active' and {{ is_real('statuses.tenant_id') }}
        and {{ of_changed_tenants('statuses.tenant_id') }}
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
        {{ share_until('costs.monthly_amount', 'months.day', 'months.days') }}
        - {{ share_until('costs.monthly_amount', 'months.day - 1', 'months.days') }} as daily_amount,
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
    cross join
        lateral (
            values (
                extract(day from active_days.usage_date)::numeric,
                extract(
                    day from date_trunc('month', active_days.usage_date::timestamp) + interval '1 month - 1 day'
                )::numeric
            )
        ) as months (day, days)
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
        sum(weight) over (partition by fixed_cost_id, usage_date) as total_weight
    from shared
),

-- On a day without revenue or usage there is nothing to weigh by, and the cost is there all the same: equal shares.
equalled as (
    select
        tenant_id,
        usage_date,
        fixed_cost_id,
        currency,
        daily_amount,
        case when total_weight > 0 then weight else 1 end as weight
    from weighed
),

-- A share is what the running sum of shares rises by with it, so that they sum to the cost itself: 25 over 3 is not
-- three times 8.33.
cumulated as (
    select
        *,
        sum(weight) over (partition by fixed_cost_id, usage_date) as total_weight,
        sum(weight) over (partition by fixed_cost_id, usage_date order by tenant_id) as weight_until
    from equalled
),

allocated as (
    select
        tenant_id,
        usage_date,
        fixed_cost_id,
        currency,
        trim_scale(
            {{ share_until('daily_amount', 'weight_until', 'total_weight') }}
            - {{ share_until('daily_amount', 'weight_until - weight', 'total_weight') }}
        ) as cost
    from cumulated
)

select * from allocated
