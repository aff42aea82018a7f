-- name: account_days
-- Account-days that are not as they should be and fix by another pull alone, with the moment from which it is due.
-- What probably needs a person (a permanent failure) comes back too, less often, and as soon as its credential is replaced.
with first_days as (
    select
        listed.key as source,
        listed.value::date as first_day
    from jsonb_each_text(%(first_days)s::jsonb) as listed
),

recent as (
    select
        p.*,
        p.state in ('published', 'superseded', 'unchanged') and ledger.is_whole(p) as is_whole,
        p.state = 'reading' and not ledger.is_alive(p.attempt_id) as is_dead
    from ledger.pulls as p
    inner join first_days as f on p.source = f.source and p.usage_date >= f.first_day
    -- What was read before the day was over is none of its tries.
    where p.usage_date <= %(last_day)s and not p.is_in_progress
),

-- No tenant need have a scope in the platform's account for its bill to be read: from the first day on that was.
bills as (
    select
        r.source,
        r.account,
        d.day::date as usage_date
    from (
        select
            recent.source,
            recent.account,
            min(recent.usage_date) as first_day
        from recent
        inner join control.sources as s on recent.source = s.source and s.contract = 'costs'
        inner join control.credentials as c on s.provider = c.provider and c.tenant_id is null and c.retired_at is null
        where recent.account = 'platform'
        group by recent.source, recent.account
    ) as r
    cross join generate_series(r.first_day::timestamp, %(last_day)s::timestamp, interval '1 day') as d (day)
),

asked as (
    select
        e.source,
        e.account,
        e.usage_date,
        e.tenant_id
    from control.expected_days((select min(first_day) from first_days), %(last_day)s) as e
    inner join first_days as f on e.source = f.source and e.usage_date >= f.first_day
    union all
    select
        source,
        account,
        usage_date,
        null as tenant_id
    from bills
),

expected as (
    select
        source,
        account,
        usage_date,
        coalesce(array_agg(tenant_id order by tenant_id) filter (where tenant_id is not null), '{}') as tenants
    from asked
    group by source, account, usage_date
),

last_whole as (
    select
        source,
        account,
        usage_date,
        max(pull_id) as pull_id
    from recent
    where is_whole
    group by source, account, usage_date
),

-- Only what came after the last whole answer: nothing, where all is well.
since as (
    select distinct on (r.source, r.account, r.usage_date)
        r.source,
        r.account,
        r.usage_date,
        r.state,
        r.is_dead,
        r.is_incomplete,
        r.is_permanent,
        r.cause_code,
        r.cause,
        coalesce(r.closed_at, r.opened_at) as ended_at,
        a.started_at,
        count(*) over (partition by r.source, r.account, r.usage_date) as tries
    from recent as r
    inner join ledger.attempts as a on r.attempt_id = a.attempt_id
    left join last_whole as w on r.source = w.source and r.account = w.account and r.usage_date = w.usage_date
    where r.pull_id > coalesce(w.pull_id, 0)
    order by r.source asc, r.account asc, r.usage_date asc, r.pull_id desc
),

replaced as (
    select
        o.source,
        coalesce(c.tenant_id, 'platform') as account,
        max(c.created_at) as stored_at
    from control.credentials as c
    inner join control.sources as o on c.provider = o.provider and o.needs_credential
    where c.retired_at is null
    group by o.source, c.tenant_id
),

judged as (
    select
        coalesce(e.source, s.source) as source,
        coalesce(e.account, s.account) as account,
        coalesce(e.usage_date, s.usage_date) as usage_date,
        coalesce(e.tenants, '{}') as tenants,
        case
            when s.state is null then 'never pulled'
            when s.is_dead then 'died'
            when s.state = 'failed' then 'failed'
            else 'incomplete'
        end as status,
        coalesce(s.tries, 0) as tries,
        s.cause_code,
        s.cause,
        case
            when s.state is null then (e.usage_date + 1)::timestamp at time zone 'UTC' + %(night_is_over)s
            when s.state = 'reading' and not s.is_dead then null
            when
                s.state = 'failed'
                and s.cause_code in ('credential_rejected', 'credential_missing')
                and c.stored_at > s.started_at -- it may have asked with the former one to its end
                then c.stored_at
            when s.state = 'failed' and s.is_permanent
                then s.ended_at + least(%(first_far_wait)s * power(2, least(s.tries, 20) - 1), %(longest_far_wait)s)
            else s.ended_at + least(%(first_wait)s * power(2, least(s.tries, 20) - 1), %(longest_wait)s)
        end as due_at
    from expected as e
    full join since as s on e.source = s.source and e.account = s.account and e.usage_date = s.usage_date
    left join replaced as c on s.source = c.source and s.account = c.account
    where
        s.source is not null
        or not exists (
            select from last_whole as w
            where w.source = e.source and w.account = e.account and w.usage_date = e.usage_date
        )
    union all
    select
        a.source,
        a.tenant_id as account,
        a.usage_date,
        array[a.tenant_id] as tenants,
        'changed' as status,
        0 as tries,
        null as cause_code,
        null as cause,
        a.closed_at + %(first_wait)s as due_at
    from ledger.changed_arrivals as a
    inner join first_days as f on a.source = f.source
    where
        a.usage_date <= %(last_day)s
        and not exists (
            select from since as s where s.source = a.source and s.account = a.tenant_id and s.usage_date = a.usage_date
        )
    union all
    -- What its provider told us of after the day was read, and the day does not hold as it was told.
    select
        r.source,
        r.account,
        r.usage_date,
        coalesce(max(e.tenants), '{}') as tenants,
        'reported' as status,
        0 as tries,
        null as cause_code,
        null as cause,
        max(r.heard_at) + %(first_wait)s as due_at
    from intake.reported_rows((select min(first_day) from first_days), %(last_day)s) as r
    inner join first_days as f on r.source = f.source and r.usage_date >= f.first_day
    left join expected as e on r.source = e.source and r.account = e.account and r.usage_date = e.usage_date
    where
        r.read_at < r.heard_at
        and case when r.is_gone then r.is_listed else not (r.is_listed and r.is_as_told) end
        and not exists (
            select from since as s where s.source = r.source and s.account = r.account and s.usage_date = r.usage_date
        )
    group by r.source, r.account, r.usage_date
)

select
    source,
    account,
    usage_date,
    tenants,
    status,
    tries,
    cause_code,
    cause,
    due_at
from judged
where due_at is not null and (cardinality(tenants) > 0 or account = 'platform')
order by due_at, usage_date, source, account;

-- name: last_scheduled
-- When a schedule last read each account of a source well.
select
    p.account,
    max(p.opened_at) as opened_at
from ledger.pulls as p
inner join ledger.attempts as a on p.attempt_id = a.attempt_id
where
    a.trigger = 'schedule'
    and p.source = %(source)s
    and p.account = any(%(accounts)s)
    and p.state in ('published', 'superseded', 'unchanged')
    and p.usage_date >= %(first_day)s
group by p.account;

-- name: last_read_before
-- Days of a source that were read well, and not since a day.
select
    account,
    usage_date
from ledger.pulls
where
    source = %(source)s
    and account = any(%(accounts)s)
    and usage_date >= %(first_day)s
    and usage_date < %(end)s
    and state in ('published', 'superseded', 'unchanged')
group by account, usage_date
having max(opened_at) < %(settled)s::timestamp at time zone 'UTC'
order by account, usage_date;

-- name: a_schedule_pulls
select exists(select from ledger.attempts where trigger = 'schedule') as a_schedule_pulls;

-- name: first_night
select min(started_at) as started_at from ledger.attempts
where trigger = 'schedule';
