-- What the marts want, what was posted and what Stripe holds, day by day, and what it means where they differ.
with billed as (
    select
        tenant_id,
        anchor_day
    from {{ ref('stg_control__tenants') }}
    where feature_flags @> '{"stripe_posting": true}'
),

postings as (
    select * from {{ ref('stg_ledger__postings') }}
),

held as (
    select
        tenant_id,
        meter_id,
        usage_date,
        period_start,
        overage_quantity as wanted,
        is_complete,
        null::bigint as posting_id,
        null::bigint as accepted_id,
        null::numeric as stripe,
        null::timestamptz as read_at
    from {{ ref('fct_overages_daily') }}
    where overage_quantity > 0 or not is_complete
    union all
    -- Versions of a day are committed one after the other: the last has the highest id.
    select
        tenant_id,
        meter_id,
        usage_date,
        null as period_start,
        null as wanted,
        null as is_complete,
        max(posting_id) as posting_id,
        max(posting_id) filter (where state = 'accepted') as accepted_id,
        null as stripe,
        null as read_at
    from postings
    group by tenant_id, meter_id, usage_date
    union all
    select
        tenant_id,
        meter_id,
        usage_date,
        null as period_start,
        null as wanted,
        null as is_complete,
        null as posting_id,
        null as accepted_id,
        value as stripe,
        read_at
    from {{ ref('stg_ledger__stripe_days') }}
),

days as (
    select
        held.tenant_id,
        held.meter_id,
        held.usage_date,
        billed.anchor_day,
        max(held.period_start) as period_start,
        coalesce(max(held.wanted), 0) as wanted,
        coalesce(bool_and(held.is_complete), true) as is_complete,
        max(held.posting_id) as posting_id,
        max(held.accepted_id) as accepted_id,
        coalesce(max(held.stripe), 0) as stripe,
        max(held.read_at) as read_at
    from held
    inner join billed on held.tenant_id = billed.tenant_id
    group by held.tenant_id, held.meter_id, held.usage_date, billed.anchor_day
    having max(held.wanted) > 0 or max(held.posting_id) is not null or max(held.stripe) is not null
),

sides as (
    select
        days.tenant_id,
        days.meter_id,
        days.usage_date,
        coalesce(
            periods.period_start,
            days.period_start,
            (
                date_trunc('month', (days.usage_date - days.anchor_day + 1)::timestamp)
                + (days.anchor_day - 1) * interval '1 day'
            )::date
        ) as period_start,
        coalesce(periods.state in ('approved', 'closed'), false) as is_approved,
        days.wanted,
        days.is_complete,
        coalesce(accepted.value, 0) as posted,
        days.stripe,
        {{ as_of() }} - days.usage_date as age_days,
        latest.state as posting_state,
        latest.value as latest_value,
        latest.cause_code,
        latest.cause,
        accepted.posted_at,
        days.read_at
    from days
    left join postings as latest on days.posting_id = latest.posting_id
    left join postings as accepted on days.accepted_id = accepted.posting_id
    left join {{ ref('stg_ledger__periods') }} as periods
        on
            days.tenant_id = periods.tenant_id
            and days.usage_date >= periods.period_start
            and days.usage_date < periods.period_end
),

-- What an approved period posted is frozen: what changes later is its adjustments. A day that is not complete waits.
compared as (
    select
        sides.*,
        case when sides.is_approved or not sides.is_complete then sides.posted else sides.wanted end as ours,
        coalesce(coverage.owed = 0 and not coverage.is_pending, false) as is_settled,
        coalesce(coverage.is_final, false) as is_final
    from sides
    left join {{ ref('stg_ledger__coverage') }} as coverage
        on
            sides.is_approved
            and sides.tenant_id = coverage.tenant_id
            and sides.meter_id = coverage.meter_id
            and sides.period_start = coverage.period_start
),

judged as (
    select
        *,
        case
            when posting_state = 'pending' then 'in flight'
            when
                ours = posted and posted = stripe and coalesce(posting_state, '') <> 'lost'
                and (not is_approved or coalesce(posting_state, 'accepted') = 'accepted')
                then 'equal'
            -- The tenant pays the statement, by Stripe's lines and our items; no value changes that any more.
            when is_settled and (is_final or posting_state in ('uncovered', 'refused')) then 'billed'
            when is_approved and posting_state in ('uncovered', 'refused') then 'uncovered'
            when posting_state = 'uncovered' and (ours = posted or latest_value = wanted) then 'uncovered'
            when age_days > 35 then 'uncovered'
            when ours <> posted or posting_state = 'lost' then 'not posted'
            -- Stripe's summaries are eventually consistent; how late is not stated, so what was read within the hour is not
            -- red.
            when posted_at is not null and coalesce(read_at < posted_at + interval '1 hour', true) then 'settling'
            when stripe < ours then 'missing'
            else 'extra'
        end as finding
    from compared
)

select
    tenant_id,
    meter_id,
    usage_date,
    period_start,
    ours,
    posted,
    stripe,
    stripe - ours as difference,
    finding in ('equal', 'billed') as is_equal,
    finding,
    age_days,
    posting_state,
    cause_code,
    cause,
    is_approved,
    posted_at,
    read_at
from judged
