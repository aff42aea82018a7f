-- What each line comes to per day, unrounded: fees evenly over the billed days, setup on the first, overage on the
-- days that made it.
with lines as (
    select * from {{ ref('int_lines_rated') }}
),

by_day as (
    select
        lines.tenant_id,
        days.day::date as usage_date,
        lines.currency,
        lines.line_kind,
        case
            when lines.line_kind = 'setup' then lines.unrounded_amount
            else lines.unrounded_amount / (lines.service_period_end - lines.service_period_start)
        end as amount
    from lines
    cross join
        lateral generate_series(
            lines.service_period_start::timestamp,
            least(lines.service_period_end, {{ as_of() }} + 1)::timestamp - interval '1 day',
            interval '1 day'
        ) as days (day)
    where
        lines.line_kind in ('subscription', 'minimum')
        or (lines.line_kind = 'setup' and days.day::date = lines.service_period_start)
),

by_usage as (
    select
        lines.tenant_id,
        daily.usage_date,
        lines.currency,
        lines.line_kind,
        lines.unrounded_amount * daily.overage_quantity / lines.quantity as amount
    from lines
    inner join {{ ref('int_overages_daily') }} as daily
        on
            lines.tenant_id = daily.tenant_id
            and lines.period_start = daily.period_start
            and lines.meter_id = daily.meter_id
            and daily.overage_quantity > 0
    where lines.line_kind = 'overage'
),

unioned as (
    select * from by_day
    union all
    select * from by_usage
),

summed as (
    select
        tenant_id,
        usage_date,
        currency,
        sum(amount) as revenue
    from unioned
    group by tenant_id, usage_date, currency
)

select * from summed
