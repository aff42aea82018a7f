with overages as (
    select * from {{ ref('int_overages_daily') }}
    where price_id is not null
),

periods as (
    select * from {{ ref('int_periods') }}
),

-- The waterfall of a period is known up to its first day that is not; with the day in progress, so far.
first_gaps as (
    select
        periods.tenant_id,
        periods.period_start,
        statuses.source,
        min(statuses.usage_date) filter (where statuses.status <> 'in progress') as usage_date,
        bool_or(statuses.status = 'in progress') as is_in_progress
    from {{ ref('fct_tenant_day_status') }} as statuses
    inner join periods
        on
            statuses.tenant_id = periods.tenant_id
            and statuses.usage_date >= periods.service_start
            and statuses.usage_date < periods.service_end
    -- A day without what bills nothing keeps no money waiting.
    inner join {{ ref('stg_control__sources') }} as sources on statuses.source = sources.source and sources.bills
    where statuses.status not in ('usage', 'no usage')
    group by periods.tenant_id, periods.period_start, statuses.source
),

completed as (
    select
        overages.tenant_id,
        overages.meter_id,
        overages.usage_date,
        overages.period_start,
        overages.unit,
        overages.quantity,
        overages.cumulative_quantity,
        overages.allowance,
        overages.overage_quantity,
        overages.price_id,
        overages.usage_date < {{ as_of() }}
        and overages.usage_date < coalesce(first_gaps.usage_date, 'infinity') as is_complete,
        (
            overages.usage_date < {{ as_of() }}
            or (overages.usage_date = {{ as_of() }} and coalesce(first_gaps.is_in_progress, false))
        )
        and overages.usage_date < coalesce(first_gaps.usage_date, 'infinity') as is_known_so_far
    from overages
    left join first_gaps
        on
            overages.tenant_id = first_gaps.tenant_id
            and overages.period_start = first_gaps.period_start
            and overages.source = first_gaps.source
)

select * from completed
where {{ is_real('tenant_id') }}
