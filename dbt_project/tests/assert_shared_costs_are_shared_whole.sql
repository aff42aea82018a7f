-- Whoever shares a cost on a day, and by whatever weights: the shares of the day sum to the day's part of the month, and the
-- parts of a month to the monthly amount.
with days as (
    select
        shares.fixed_cost_id,
        shares.usage_date,
        date_trunc('month', shares.usage_date::timestamp)::date as month_start,
        sum(shares.cost) as cost
    from {{ ref('int_fixed_costs_allocated') }} as shares
    group by shares.fixed_cost_id, shares.usage_date
),

versioned as (
    select
        days.fixed_cost_id,
        days.usage_date,
        days.month_start,
        days.cost,
        costs.monthly_amount,
        extract(day from days.usage_date)::numeric as day_of_month,
        extract(day from days.month_start + interval '1 month - 1 day')::numeric as days_of_month
    from days
    inner join {{ ref('stg_control__fixed_costs') }} as costs
        on
            days.fixed_cost_id = costs.fixed_cost_id
            and days.usage_date >= costs.valid_from
            and days.usage_date < costs.valid_to
)

select
    fixed_cost_id,
    usage_date::text as shared_on,
    cost,
    monthly_amount
from versioned
where
    cost
    <> {{ share_until('monthly_amount', 'day_of_month', 'days_of_month') }}
    - {{ share_until('monthly_amount', 'day_of_month - 1', 'days_of_month') }}
union all
select
    fixed_cost_id,
    month_start::text as shared_on,
    sum(cost) as cost,
    min(monthly_amount) as monthly_amount
from versioned
group by fixed_cost_id, month_start
having
    count(*) = min(days_of_month)
    and min(monthly_amount) = max(monthly_amount)
    and sum(cost) <> min(monthly_amount)
