with periods as (
    select * from {{ ref('stg_ledger__periods') }}
),

frozen as (
    select
        lines.line_id,
        lines.tenant_id,
        lines.period_start,
        periods.period_end,
        periods.state as period_state,
        lines.line_kind,
        lines.meter_id,
        lines.quantity,
        lines.unit,
        lines.amount,
        lines.unrounded_amount,
        lines.currency,
        lines.service_period_start,
        lines.service_period_end,
        lines.corrects_line_id,
        lines.price_id,
        lines.inputs
    from {{ ref('stg_ledger__statement_lines') }} as lines
    inner join periods
        on
            lines.tenant_id = periods.tenant_id
            and lines.period_start = periods.period_start
            and periods.state in ('approved', 'closed')
),

rated as (
    select
        line_id,
        tenant_id,
        period_start,
        period_end,
        period_state,
        line_kind,
        meter_id,
        quantity,
        unit,
        amount,
        unrounded_amount,
        currency,
        service_period_start,
        service_period_end,
        null as corrects_line_id,
        price_id,
        inputs
    from {{ ref('int_lines_rated') }}
    where period_state not in ('approved', 'closed')
),

adjustments as (
    select
        line_id,
        tenant_id,
        period_start,
        period_end,
        period_state,
        line_kind,
        meter_id,
        quantity,
        unit,
        amount,
        unrounded_amount,
        currency,
        service_period_start,
        service_period_end,
        corrects_line_id,
        price_id,
        inputs
    from {{ ref('int_adjustments') }}
),

credits as (
    select
        line_id,
        tenant_id,
        period_start,
        period_end,
        period_state,
        line_kind,
        null as meter_id,
        null::numeric as quantity,
        null as unit,
        amount,
        amount as unrounded_amount,
        currency,
        service_period_start,
        service_period_end,
        null as corrects_line_id,
        null::bigint as price_id,
        inputs
    from {{ ref('int_credits_applied') }}
),

unioned as (
    select * from frozen
    union all
    select * from rated
    union all
    select * from adjustments
    union all
    select * from credits
)

select * from unioned
