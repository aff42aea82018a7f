-- However it is cut, by agent or by meter, the margin of a day is the same, to the last digit.
with by_meter as (
    select
        tenant_id,
        usage_date,
        sum(revenue) as revenue,
        case when count(margin) = count(*) then sum(margin) end as margin
    from {{ ref('fct_margin_by_meter') }}
    where {{ is_made_again('tenant_id', 'costs') }}
    group by tenant_id, usage_date
),

daily as (
    select * from {{ ref('fct_margin_daily') }}
    where {{ is_made_again('tenant_id', 'costs') }}
)

select
    coalesce(by_meter.tenant_id, daily.tenant_id) as tenant_id,
    coalesce(by_meter.usage_date, daily.usage_date) as usage_date,
    by_meter.margin,
    daily.margin as margin_of_day
from by_meter
full join daily
    on by_meter.tenant_id = daily.tenant_id and by_meter.usage_date = daily.usage_date
where
    by_meter.margin is distinct from daily.margin
    or by_meter.revenue is distinct from daily.revenue
