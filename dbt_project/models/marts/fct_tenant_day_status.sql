{{ config(indexes=[{'columns': ['usage_date']}, {'columns': ['tenant_id', 'usage_date']}]) }}
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
        least(sources.valid_to, statuses.valid_to, {{ as_of() }})::timestamp - interval '1 day',
        interval '1 day'
    ) as days (day)
),

calls as (
    select
        tenant_id,
        account,
        usage_date,
        sum(calls) as row_count,
        sum(in_progress_calls) as in_progress_calls
    from {{ ref('int_calls_daily') }}
    where tenant_id is not null
    group by tenant_id, account, usage_date
),

pulls as (
    select * from {{ ref('stg_ledger__current_pulls') }}
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
            when pulls.pull_id is null and failures.pull_id is null then 'not pulled'
            when pulls.pull_id is null then 'failed'
            when expected.account = 'platform' and calls.in_progress_calls > 0 then 'incomplete'
            when expected.account <> 'platform' and pulls.is_incomplete then 'incomplete'
            when expected.source = 'vapi' and calls.row_count > 0 then 'usage'
            when expected.source <> 'vapi' and pulls.row_count > 0 then 'usage'
            else 'no usage'
        end as status,
        pulls.pull_id,
        failures.cause_code,
        failures.cause,
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
            expected.source = 'vapi'
            and expected.tenant_id = calls.tenant_id
            and expected.account = calls.account
            and expected.usage_date = calls.usage_date
)

select * from joined
where {{ is_real('tenant_id') }}
