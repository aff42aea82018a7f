-- Every period rated from what is known now, approved ones too: those are not shown, but compared with what was frozen.
with periods as (
    select * from {{ ref('int_periods') }}
),

frozen_setups as (
    select
        tenant_id,
        min(period_start) as period_start
    from {{ ref('stg_ledger__statement_lines') }}
    where line_kind = 'setup'
    group by tenant_id
),

setups as (
    select
        periods.tenant_id,
        periods.period_start,
        'setup' as line_kind,
        null as meter_id,
        1::numeric as quantity,
        'setup' as unit,
        periods.setup_fee as unrounded_amount,
        null::bigint as price_id,
        jsonb_build_object(
            'plan_id', periods.plan_id, 'terms_valid_from', periods.terms_valid_from, 'setup_fee', periods.setup_fee
        ) as inputs
    from periods
    left join frozen_setups on periods.tenant_id = frozen_setups.tenant_id
    where
        periods.setup_fee > 0
        and periods.period_start = coalesce(
            frozen_setups.period_start, case when periods.is_first then periods.period_start end
        )
),

subscriptions as (
    select
        tenant_id,
        period_start,
        'subscription' as line_kind,
        null as meter_id,
        1::numeric as quantity,
        'period' as unit,
        control.of_billed_days(subscription_fee, billed_days, period_days) as unrounded_amount,
        null::bigint as price_id,
        jsonb_build_object(
            'plan_id', plan_id, 'terms_valid_from', terms_valid_from, 'subscription_fee', subscription_fee,
            'billed_days', billed_days, 'period_days', period_days
        ) as inputs
    from periods
    where subscription_fee > 0 and billed_days > 0
),

overages as (
    select
        meters.tenant_id,
        meters.period_start,
        'overage' as line_kind,
        meters.meter_id,
        meters.overage_quantity as quantity,
        units.unit,
        rated.unrounded_amount,
        meters.price_id,
        jsonb_build_object(
            'quantity', meters.quantity, 'allowance', meters.allowance, 'price_id', meters.price_id,
            'model', meters.model, 'tiers', rated.tiers
        ) as inputs
    from {{ ref('int_overages_rated') }} as rated
    inner join {{ ref('int_period_meters') }} as meters
        on
            rated.tenant_id = meters.tenant_id
            and rated.period_start = meters.period_start
            and rated.meter_id = meters.meter_id
    inner join {{ ref('stg_control__meters') }} as units on meters.meter_id = units.meter_id
),

fees_and_overages as (
    select * from setups
    union all
    select * from subscriptions
    union all
    select * from overages
),

rounded as (
    select
        lines.*,
        {{ round_to_currency('lines.unrounded_amount', 'periods.currency') }} as amount
    from fees_and_overages as lines
    inner join periods on lines.tenant_id = periods.tenant_id and lines.period_start = periods.period_start
),

committed as (
    select
        periods.tenant_id,
        periods.period_start,
        periods.currency,
        periods.plan_id,
        periods.terms_valid_from,
        periods.minimum_amount,
        periods.billed_days,
        periods.period_days,
        coalesce(sum(rounded.amount), 0) as counted_amount
    from periods
    left join rounded
        on
            periods.tenant_id = rounded.tenant_id
            and periods.period_start = rounded.period_start
            and rounded.line_kind in ('subscription', 'overage')
    where periods.minimum_amount > 0 and periods.billed_days > 0
    group by
        periods.tenant_id, periods.period_start, periods.currency, periods.plan_id, periods.terms_valid_from,
        periods.minimum_amount, periods.billed_days, periods.period_days
),

short as (
    select
        *,
        control.short_of_minimum(minimum_amount, billed_days, period_days, counted_amount) as unrounded_amount
    from committed
),

minimums as (
    select
        tenant_id,
        period_start,
        'minimum' as line_kind,
        null as meter_id,
        1::numeric as quantity,
        'period' as unit,
        unrounded_amount,
        null::bigint as price_id,
        jsonb_build_object(
            'plan_id', plan_id, 'terms_valid_from', terms_valid_from, 'minimum_amount', minimum_amount,
            'billed_days', billed_days, 'period_days', period_days, 'subscription_and_overage', counted_amount
        ) as inputs,
        {{ round_to_currency('unrounded_amount', 'currency') }} as amount
    from short
    where {{ round_to_currency('unrounded_amount', 'currency') }} > 0
),

unioned as (
    select * from rounded
    union all
    select * from minimums
),

identified as (
    select
        concat_ws('/', unioned.tenant_id, unioned.period_start::text, unioned.line_kind, unioned.meter_id) as line_id,
        unioned.tenant_id,
        unioned.period_start,
        periods.period_end,
        periods.period_state,
        unioned.line_kind,
        unioned.meter_id,
        unioned.quantity,
        unioned.unit,
        unioned.amount,
        unioned.unrounded_amount,
        periods.currency,
        periods.service_start as service_period_start,
        periods.service_end as service_period_end,
        unioned.price_id,
        unioned.inputs || jsonb_build_object('unrounded_amount', unioned.unrounded_amount) as inputs
    from unioned
    inner join periods on unioned.tenant_id = periods.tenant_id and unioned.period_start = periods.period_start
)

select * from identified
