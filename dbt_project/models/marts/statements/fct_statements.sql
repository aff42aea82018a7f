{{ config(indexes=[{'columns': ['tenant_id', 'period_start']}]) }}
with periods as (
    select * from {{ ref('int_periods') }}
),

summed as (
    select
        tenant_id,
        period_start,
        coalesce(sum(amount) filter (where line_kind = 'setup'), 0) as setup,
        coalesce(sum(amount) filter (where line_kind = 'subscription'), 0) as subscription,
        coalesce(sum(amount) filter (where line_kind = 'overage'), 0) as overage,
        coalesce(sum(amount) filter (where line_kind = 'minimum'), 0) as minimum,
        coalesce(sum(amount) filter (where line_kind = 'adjustment'), 0) as adjustments,
        coalesce(-sum(amount) filter (where line_kind = 'credit'), 0) as credits,
        sum(amount) as total
    from {{ ref('fct_statement_lines') }}
    group by tenant_id, period_start
),

gaps as (
    select distinct
        periods.tenant_id,
        periods.period_start
    from {{ ref('fct_tenant_day_status') }} as statuses
    inner join periods
        on
            statuses.tenant_id = periods.tenant_id
            and statuses.usage_date >= periods.service_start
            and statuses.usage_date < periods.service_end
    -- A day without what bills nothing keeps no money waiting.
    inner join {{ ref('stg_control__sources') }} as sources on statuses.source = sources.source and sources.bills
    where statuses.status not in ('usage', 'no usage')
),

totalled as (
    select
        periods.tenant_id,
        periods.period_start,
        periods.period_end,
        periods.currency,
        periods.plan_id,
        round(coalesce(summed.setup, 0), {{ minor_units('periods.currency') }}) as setup,
        round(coalesce(summed.subscription, 0), {{ minor_units('periods.currency') }}) as subscription,
        round(coalesce(summed.overage, 0), {{ minor_units('periods.currency') }}) as overage,
        round(coalesce(summed.minimum, 0), {{ minor_units('periods.currency') }}) as minimum,
        round(coalesce(summed.adjustments, 0), {{ minor_units('periods.currency') }}) as adjustments,
        round(coalesce(summed.credits, 0), {{ minor_units('periods.currency') }}) as credits,
        round(coalesce(summed.total, 0), {{ minor_units('periods.currency') }}) as total,
        periods.period_state,
        periods.period_end <= {{ as_of() }} and gaps.tenant_id is null as is_complete
    from periods
    left join summed on periods.tenant_id = summed.tenant_id and periods.period_start = summed.period_start
    left join gaps on periods.tenant_id = gaps.tenant_id and periods.period_start = gaps.period_start
)

select * from totalled
where {{ is_real('tenant_id') }}
