-- name: lags
-- By source and tenant, of finished days that should have been read: how many after the newest one that is whole, and how
-- many are not whole in all.
with expected as (
    select
        e.tenant_id,
        e.source,
        e.account,
        e.usage_date
    from control.expected_days(%(first_day)s, %(last_day)s) as e
),

judged as (
    select
        e.tenant_id,
        e.source,
        e.usage_date,
        p.pull_id is not null as is_whole
    from expected as e
    left join ledger.pulls as p
        on
            e.source = p.source
            and e.account = p.account
            and e.usage_date = p.usage_date
            and p.state = 'published'
            and (not p.is_incomplete or p.lacks_only_quarantined)
),

newest as (
    select
        tenant_id,
        source,
        max(usage_date) filter (where is_whole) as newest_day,
        count(*) filter (where not is_whole) as days_behind
    from judged
    group by tenant_id, source
)

select
    n.tenant_id,
    n.source,
    n.days_behind,
    count(*) filter (where j.usage_date > coalesce(n.newest_day, '-infinity')) as lag_days
from newest as n
inner join judged as j on n.tenant_id = j.tenant_id and n.source = j.source
group by n.tenant_id, n.source, n.days_behind
order by lag_days desc, n.days_behind desc, n.tenant_id asc, n.source asc;

-- name: failed_days
-- Account-days whose last try failed, by source and cause.
with latest as (
    select distinct on (p.source, p.account, p.usage_date)
        p.source,
        p.state,
        p.cause_code
    from ledger.pulls as p
    where p.usage_date between %(first_day)s and %(last_day)s
    order by p.source asc, p.account asc, p.usage_date asc, p.pull_id desc
)

select
    source,
    coalesce(cause_code, 'other') as cause,
    count(*) as account_days
from latest
where state = 'failed'
group by source, coalesce(cause_code, 'other')
order by source, cause;

-- name: last_night
-- When a schedule last began to read; null where none ever did.
select max(started_at) as started_at
from ledger.attempts
where trigger = 'schedule';

-- name: last_builds
select
    max(ended_at) filter (where fault is null) as built_at,
    coalesce(
        max(build_id) filter (where fault is not null)
        > coalesce(max(build_id) filter (where fault is null and ended_at is not null), 0),
        false
    ) as is_failing
from ledger.builds;

-- name: differences
select
    finding,
    count(*) as days
from marts.fct_reconciliation
where not is_equal
group by finding
order by finding;
