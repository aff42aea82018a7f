{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
-- What each line comes to per day, unrounded: fees evenly over the billed days, setup on the first, overage on the
-- days that made it, and there to each agent and campaign by its part of the day's units.
with lines as (
    select * from {{ ref('int_lines_rated') }}
    where {{ of_changed_tenants('tenant_id') }}
),

by_day as (
    select
        lines.tenant_id,
        days.day::date as usage_date,
        lines.currency,
        lines.line_kind,
        null as agent_id,
        null as campaign_id,
        null as meter_id,
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

-- By itself, since the planner would first give each day every period of its meter.
overage_days as materialized (
    select
        lines.tenant_id,
        daily.usage_date,
        lines.currency,
        lines.line_kind,
        lines.meter_id,
        lines.unrounded_amount * daily.overage_quantity / lines.quantity as amount
    from lines
    inner join {{ ref('int_overages_daily') }} as daily
        on
            lines.tenant_id = daily.tenant_id
            and lines.period_start = daily.period_start
            and lines.meter_id = daily.meter_id
            and daily.overage_quantity > 0
    where lines.line_kind = 'overage' and {{ of_changed_tenants('daily.tenant_id') }}
),

agents as (
    select
        tenant_id,
        meter_id,
        usage_date,
        agent_id,
        campaign_id,
        sum(quantity) as quantity
    from {{ ref('int_usage_unioned') }}
    where
        meter_id is not null and reason is null and quantity <> 0
        and {{ of_changed_tenants('tenant_id') }}
    group by tenant_id, meter_id, usage_date, agent_id, campaign_id
),

agents_cumulated as (
    select
        *,
        sum(quantity) over (partition by tenant_id, meter_id, usage_date) as quantity_of_day,
        sum(quantity) over (
            partition by tenant_id, meter_id, usage_date order by agent_id, campaign_id
        ) as quantity_until
    from agents
),

-- Differences of running sums, so that the agents' parts sum to the day's to the last digit.
by_usage as (
    select
        days.tenant_id,
        days.usage_date,
        days.currency,
        days.line_kind,
        agents.agent_id,
        agents.campaign_id,
        agents.meter_id,
        days.amount * agents.quantity_until / agents.quantity_of_day
        - days.amount * (agents.quantity_until - agents.quantity) / agents.quantity_of_day as amount
    from overage_days as days
    inner join agents_cumulated as agents
        on
            days.tenant_id = agents.tenant_id
            and days.meter_id = agents.meter_id
            and days.usage_date = agents.usage_date
),

unioned as (
    select * from by_day
    union all
    select * from by_usage
),

summed as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        meter_id,
        usage_date,
        currency,
        trim_scale(sum(amount)) as revenue
    from unioned
    group by tenant_id, agent_id, campaign_id, meter_id, usage_date, currency
)

select * from summed
