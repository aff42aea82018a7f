with versions as (
    select * from {{ ref('stg_ledger__postings') }}
),

postings as (
    select
        tenant_id,
        meter_id,
        usage_date,
        coalesce((array_agg(value order by version desc) filter (where state = 'accepted'))[1], 0) as posted,
        (array_agg(state order by version desc))[1] as posting_state,
        (array_agg(cause_code order by version desc))[1] as cause_code,
        max(posted_at) as posted_at
    from versions
    group by tenant_id, meter_id, usage_date
),

overages as (
    select * from {{ ref('fct_overages_daily') }}
    where overage_quantity > 0
),

summaries as (
    select * from {{ ref('stg_ledger__stripe_day_summaries') }}
),

billed as (
    select tenant_id from {{ ref('stg_control__tenants') }}
    where feature_flags @> '{"stripe_posting": true}'
),

periods as (
    select * from {{ ref('stg_ledger__periods') }}
    where state in ('approved', 'closed')
),

sides as (
    select
        coalesce(overages.tenant_id, postings.tenant_id, summaries.tenant_id) as tenant_id,
        coalesce(overages.meter_id, postings.meter_id, summaries.meter_id) as meter_id,
        coalesce(overages.usage_date, postings.usage_date, summaries.usage_date) as usage_date,
        coalesce(overages.overage_quantity, 0) as wanted,
        coalesce(overages.is_complete, true) as is_complete,
        coalesce(postings.posted, 0) as posted,
        coalesce(summaries.value, 0) as stripe,
        postings.posting_state,
        postings.cause_code,
        postings.posted_at,
        summaries.read_at
    from overages
    full join postings
        on
            overages.tenant_id = postings.tenant_id
            and overages.meter_id = postings.meter_id
            and overages.usage_date = postings.usage_date
    full join summaries
        on
            summaries.tenant_id = coalesce(overages.tenant_id, postings.tenant_id)
            and summaries.meter_id = coalesce(overages.meter_id, postings.meter_id)
            and summaries.usage_date = coalesce(overages.usage_date, postings.usage_date)
),

-- What an approved period posted is frozen: what changes later is its adjustments, not its day values.
compared as (
    select
        sides.tenant_id,
        sides.meter_id,
        sides.usage_date,
        case
            when periods.tenant_id is not null or not sides.is_complete then sides.posted
            else sides.wanted
        end as ours,
        sides.posted,
        sides.stripe,
        sides.posting_state,
        sides.cause_code,
        sides.posted_at,
        sides.read_at
    from sides
    inner join billed on sides.tenant_id = billed.tenant_id
    left join periods
        on
            sides.tenant_id = periods.tenant_id
            and sides.usage_date >= periods.period_start
            and sides.usage_date < periods.period_end
),

final as (
    select
        tenant_id,
        meter_id,
        usage_date,
        ours,
        posted,
        stripe,
        stripe - ours as difference,
        ours = posted and posted = stripe and coalesce(posting_state, '') <> 'pending' as is_equal,
        {{ as_of() }} - usage_date as age_days,
        posting_state,
        cause_code,
        posted_at,
        read_at
    from compared
)

select * from final
