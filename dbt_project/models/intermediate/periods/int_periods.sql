-- A period is a month from the anchor day, cut off at the closing date; a first one begins at its anchor day, and is
-- billed from the activation. At the closing date an extra one starts, without a fee, for what still has to be
-- corrected; once that is approved, the next month's carries what comes later still.
with tenants as (
    select * from {{ ref('int_tenants_dated') }}
    where activated_on <= {{ as_of() }}
),

months as (
    select
        tenants.*,
        (months.month_start + make_interval(days => tenants.anchor_day - 1))::date as whole_start,
        (months.month_start + interval '1 month' + make_interval(days => tenants.anchor_day - 1))::date as whole_end
    from tenants
    cross join lateral generate_series(
        date_trunc('month', tenants.activated_on::timestamp) - interval '1 month',
        {{ as_of() }}::timestamp,
        interval '1 month'
    ) as months (month_start)
),

regular as (
    select
        tenant_id,
        currency,
        whole_start as period_start,
        least(whole_end, closed_on) as period_end,
        greatest(whole_start, activated_on) as service_start,
        least(whole_end, closed_on) as service_end,
        whole_end - whole_start as period_days,
        whole_start <= activated_on as is_first,
        false as is_after_closing
    from months
    where
        whole_end > activated_on
        and whole_start <= {{ as_of() }}
        and least(whole_end, closed_on) > greatest(whole_start, activated_on)
),

after_closing as (
    select
        tenant_id,
        currency,
        greatest(whole_start, closed_on) as period_start,
        whole_end as period_end,
        greatest(whole_start, closed_on) as service_start,
        greatest(whole_start, closed_on) as service_end,
        whole_end - whole_start as period_days,
        false as is_first,
        true as is_after_closing
    from months
    where whole_end > closed_on and greatest(whole_start, closed_on) <= {{ as_of() }}
),

states as (
    select
        tenant_id,
        period_start,
        state,
        state in ('approved', 'closed') as is_frozen
    from {{ ref('stg_ledger__periods') }}
),

first_open_after_closing as (
    select
        after_closing.tenant_id,
        min(after_closing.period_start) as period_start
    from after_closing
    left join states
        on after_closing.tenant_id = states.tenant_id and after_closing.period_start = states.period_start
    where not coalesce(states.is_frozen, false)
    group by after_closing.tenant_id
),

spined as (
    select * from regular
    union all
    select after_closing.*
    from after_closing
    left join first_open_after_closing as first_open on after_closing.tenant_id = first_open.tenant_id
    left join states
        on after_closing.tenant_id = states.tenant_id and after_closing.period_start = states.period_start
    where
        after_closing.period_start <= coalesce(first_open.period_start, 'infinity')
        or states.is_frozen  -- an earlier one was reopened since
),

with_terms as (
    select
        spined.tenant_id,
        spined.currency,
        spined.period_start,
        spined.period_end,
        spined.service_start,
        spined.service_end,
        spined.service_end - spined.service_start as billed_days,
        spined.period_days,
        spined.is_first,
        spined.is_after_closing,
        coalesce(states.state, 'open') as period_state,
        plans.plan_id,
        terms.valid_from as terms_valid_from,
        terms.subscription_fee,
        terms.setup_fee,
        terms.minimum_amount,
        coalesce(terms.prorates_allowance, false) as prorates_allowance,
        terms.voice_meter_id
    from spined
    left join states
        on spined.tenant_id = states.tenant_id and spined.period_start = states.period_start
    left join {{ ref('stg_control__tenant_plans') }} as chosen
        on
            spined.tenant_id = chosen.tenant_id
            and spined.service_start >= chosen.valid_from
            and spined.service_start < chosen.valid_to
    -- A plan in another currency cannot price this tenant: its usage is reported as unpriced rather than billed in the
    -- wrong money.
    left join {{ ref('stg_control__plans') }} as plans
        on chosen.plan_id = plans.plan_id and spined.currency = plans.currency
    left join {{ ref('stg_control__plan_terms') }} as terms
        on
            plans.plan_id = terms.plan_id
            and spined.service_start >= terms.valid_from
            and spined.service_start < terms.valid_to
)

select * from with_terms
