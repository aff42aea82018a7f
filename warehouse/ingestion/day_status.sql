-- name: days
-- One row per tenant, source and finished day that should have been pulled and was not, failed, or is incomplete.
with expected as (
    select *
    from control.expected_days(%(first_day)s, %(last_day)s) as e
    where %(tenant_ids)s::text[] is null or e.tenant_id = any(%(tenant_ids)s)
),

currents as (
    select
        source,
        account,
        usage_date,
        pull_id,
        is_incomplete and not lacks_only_quarantined as is_incomplete,
        is_in_progress
    from ledger.pulls
    where state = 'published' and usage_date between %(first_day)s and %(last_day)s
),

latest as (
    select distinct on (source, account, usage_date)
        source,
        account,
        usage_date,
        state,
        cause_code,
        cause,
        is_permanent,
        opened_at
    from ledger.pulls
    where usage_date between %(first_day)s and %(last_day)s
    order by source asc, account asc, usage_date asc, pull_id desc
)

select
    e.tenant_id,
    e.usage_date,
    e.source,
    e.account,
    case
        when l.state = 'reading' then 'reading'
        when c.usage_date is null and l.state = 'failed' then 'failed'
        when c.usage_date is null then 'not pulled'
        when l.state = 'failed' then 'failed again'
        else 'incomplete'
    end as status,
    case when l.state = 'failed' then l.cause_code when a.causes is not null then 'quarantined' end as cause_code,
    case
        when l.state = 'failed' then l.cause
        when c.is_in_progress then 'it was last read before it was over'
        else a.causes
    end as cause
from expected as e
left join currents as c on e.source = c.source and e.account = c.account and e.usage_date = c.usage_date
left join latest as l on e.source = l.source and e.account = l.account and e.usage_date = l.usage_date
left join lateral (
    select string_agg(format('%%s is set aside: %%s', q.item, q.reason), '; ' order by q.item) as causes
    from ledger.standing_quarantine as q
    where q.pull_id = c.pull_id and (q.tenant_id is null or q.tenant_id = e.tenant_id)
) as a on true
where c.usage_date is null or c.is_incomplete or l.state = 'failed' or a.causes is not null
order by e.tenant_id, e.usage_date, e.source;
