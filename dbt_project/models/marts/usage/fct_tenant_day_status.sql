{{ config(materialized='table', indexes=[{'columns': ['usage_date']}, {'columns': ['tenant_id', 'usage_date']}]) }}
with expected as (
    select distinct
        sources.tenant_id,
        days.day::date as usage_date,
        sources.source,
        sources.account
    from {{ ref('stg_control__tenant_sources') }} as sources
    inner join {{ ref('stg_control__tenant_statuses') }} as statuses
        on
            sources.tenant_id = statuses.tenant_id
            and statuses.status = 'active'
            and sources.valid_from < statuses.valid_to
            and sources.valid_to > statuses.valid_from
    cross join lateral generate_series(
        greatest(sources.valid_from, statuses.valid_from)::timestamp,
        least(sources.valid_to, statuses.valid_to, {{ as_of() }} + 1)::timestamp - interval '1 day',
        interval '1 day'
    ) as days (day)
),

calls as (
    select
        tenant_id,
        source,
        account,
        usage_date,
        sum(calls) as row_count,
        sum(in_progress_calls) as in_progress_calls
    from {{ ref('int_calls_daily') }}
    where tenant_id is not null
    group by tenant_id, source, account, usage_date
),

pulls as (
    select * from {{ ref('stg_ledger__current_pulls') }}
),

-- Rows set aside of each tenant's days; one that routes to nobody may be anybody's who reads the account.
set_aside as (
    select
        expected.tenant_id,
        expected.usage_date,
        expected.source,
        expected.account,
        string_agg(
            quarantine.item || ' is set aside: ' || quarantine.reason, '; ' order by quarantine.item
        ) as cause
    from {{ ref('stg_ledger__quarantine') }} as quarantine
    inner join expected
        on
            quarantine.source = expected.source
            and quarantine.account = expected.account
            and quarantine.usage_date = expected.usage_date
            and (quarantine.tenant_id is null or quarantine.tenant_id = expected.tenant_id)
    group by expected.tenant_id, expected.usage_date, expected.source, expected.account
),

in_progress as (
    select
        calls.tenant_id,
        calls.source,
        calls.account,
        calls.usage_date,
        'call ' || min(named.call_id) || ' is in progress'
        || case when count(*) > 1 then ', and ' || count(*) - 1 || ' more' else '' end as cause
    from calls
    inner join {{ ref('fct_calls') }} as named
        on
            calls.tenant_id = named.tenant_id
            and calls.source = named.source
            and calls.account = named.account
            and calls.usage_date = named.usage_date
            and named.outcome = 'in progress'
    where calls.in_progress_calls > 0
    group by calls.tenant_id, calls.source, calls.account, calls.usage_date
),

-- The last word on a day that has no current pull, or whose later pull failed.
failures as (
    select distinct on (source, account, usage_date)
        source,
        account,
        usage_date,
        pull_id,
        cause_code,
        cause
    from {{ ref('stg_ledger__pulls') }}
    where state = 'failed'
    order by source asc, account asc, usage_date asc, pull_id desc
),

joined as (
    select
        expected.tenant_id,
        expected.usage_date,
        expected.source,
        expected.account,
        case
            when pulls.is_in_progress and expected.usage_date = {{ as_of() }} then 'in progress'
            when pulls.is_in_progress then 'incomplete'
            when pulls.pull_id is null and failures.pull_id is null then 'not pulled'
            when pulls.pull_id is null then 'failed'
            when expected.account = 'platform' and calls.in_progress_calls > 0 then 'incomplete'
            when
                expected.account <> 'platform' and pulls.is_incomplete and not pulls.lacks_only_quarantined
                then 'incomplete'
            when set_aside.cause is not null then 'incomplete'
            when calls.row_count > 0 then 'usage'
            when coalesce(pulls.contract, '') <> 'calls' and pulls.row_count > 0 then 'usage'
            else 'no usage'
        end as status,
        pulls.pull_id,
        case
            when failures.pull_id is not null then failures.cause_code
            when in_progress.cause is null and set_aside.cause is not null then 'quarantined'
        end as cause_code,
        coalesce(
            failures.cause,
            case
                when pulls.is_in_progress and expected.usage_date < {{ as_of() }}
                    then 'it was last read before it was over'
            end,
            in_progress.cause,
            set_aside.cause
        ) as cause,
        pulls.pulled_at
    from expected
    left join pulls
        on
            expected.source = pulls.source
            and expected.account = pulls.account
            and expected.usage_date = pulls.usage_date
    left join failures
        on
            expected.source = failures.source
            and expected.account = failures.account
            and expected.usage_date = failures.usage_date
            and failures.pull_id > coalesce(pulls.pull_id, 0)
    left join calls
        on
            expected.source = calls.source
            and expected.tenant_id = calls.tenant_id
            and expected.account = calls.account
            and expected.usage_date = calls.usage_date
    left join in_progress
        on
            expected.source = in_progress.source
            and expected.tenant_id = in_progress.tenant_id
            and expected.account = in_progress.account
            and expected.usage_date = in_progress.usage_date
    left join set_aside
        on
            expected.source = set_aside.source
            and expected.tenant_id = set_aside.tenant_id
            and expected.account = set_aside.account
            and expected.usage_date = set_aside.usage_date
    -- A day that is not over is expected of nobody; it is shown where somebody read it.
    where expected.usage_date < {{ as_of() }} or pulls.is_in_progress
)

select * from joined
where {{ is_real('tenant_id') }}
