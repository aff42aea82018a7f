-- name: days
-- Of each account and source, finished days that are not whole: those that need a person, those that a retry did not heal for a
-- while, and those that no night has read. What is being read now counts as it was before.
with expected as (
    select
        e.source,
        e.account,
        e.usage_date,
        count(*) as tenants,
        min(e.tenant_id) as a_tenant
    from control.expected_days(%(first_day)s, %(last_day)s) as e
    group by e.source, e.account, e.usage_date
),

recent as (
    select
        p.pull_id,
        p.source,
        p.account,
        p.usage_date,
        p.state,
        p.is_permanent,
        p.cause_code,
        p.cause,
        coalesce(p.confirms_pull_id, p.pull_id) as holds_pull_id,
        coalesce(p.closed_at, p.opened_at) as ended_at,
        p.state in ('published', 'superseded', 'unchanged') and ledger.is_whole(p) as is_whole
    from ledger.pulls as p
    where
        p.usage_date between %(first_day)s and %(last_day)s
        and not p.is_in_progress
        and not (p.state = 'reading' and ledger.is_alive(p.attempt_id))
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

since as (
    select distinct on (r.source, r.account, r.usage_date)
        r.*,
        min(r.ended_at) over (partition by r.source, r.account, r.usage_date) as first_tried_at
    from recent as r
    left join last_whole as w on r.source = w.source and r.account = w.account and r.usage_date = w.usage_date
    where r.pull_id > coalesce(w.pull_id, 0)
    order by r.source asc, r.account asc, r.usage_date asc, r.pull_id desc
),

judged as (
    select
        coalesce(e.source, s.source) as source,
        coalesce(e.account, s.account) as account,
        coalesce(e.usage_date, s.usage_date) as usage_date,
        coalesce(e.tenants, 0) as tenants,
        e.a_tenant,
        coalesce(s.state = 'failed' and s.is_permanent, false) as needs_a_person,
        case
            when s.state is null then 'not pulled'
            when s.state = 'failed' then 'failed'
            when s.state = 'reading' then 'broken off'
            else 'incomplete'
        end as status,
        case
            when s.state = 'failed' then s.cause_code
            when exists (select from ledger.standing_quarantine as q where q.pull_id = s.holds_pull_id)
                then 'quarantined'
        end as cause_code,
        case when s.state = 'failed' then s.cause end as cause
    from expected as e
    full join since as s on e.source = s.source and e.account = s.account and e.usage_date = s.usage_date
    where
        case
            when s.pull_id is not null
                then
                    (e.source is not null or s.account = 'platform')
                    and ((s.state = 'failed' and s.is_permanent) or s.first_tried_at <= %(tried_before)s)
            else
                %(a_schedule_pulls)s
                and (e.usage_date + 1)::timestamp at time zone 'UTC' <= %(over_before)s
                and not exists (
                    select from last_whole as w
                    where w.source = e.source and w.account = e.account and w.usage_date = e.usage_date
                )
        end
)

select
    source,
    account,
    count(*) as days,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    max(tenants) as tenants,
    min(a_tenant) as a_tenant,
    bool_or(needs_a_person) as needs_a_person,
    (array_agg(status order by needs_a_person desc, usage_date desc))[1] as status,
    (array_agg(cause_code order by needs_a_person desc, usage_date desc))[1] as cause_code,
    (array_agg(cause order by needs_a_person desc, usage_date desc))[1] as cause
from judged
group by source, account
order by source, account;

-- name: last_failed_build
select
    fault,
    ended_at
from ledger.builds
where fault is not null
order by build_id desc
limit 1;

-- name: differing
select
    tenant_id,
    count(distinct usage_date) as days,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    string_agg(distinct finding, ', ' order by finding) as findings
from marts.fct_reconciliation
where not is_equal and finding not in ('settling', 'in flight', 'not posted')
group by tenant_id
order by tenant_id;

-- name: final_invoices
-- Lines of final invoices, as Stripe was last read, that no statement answers for.
select
    tenant_id,
    period_start,
    count(*) as lines,
    min(what) as what
from ledger.final_lines
where code is not null
group by tenant_id, period_start
order by tenant_id, period_start;

-- name: not_posted
-- What Stripe refused, or has not answered for, of the newest word on each day.
with latest as (
    select distinct on (tenant_id, meter_id, usage_date)
        tenant_id,
        usage_date,
        state,
        committed_at,
        cause
    from ledger.postings
    order by tenant_id asc, meter_id asc, usage_date asc, version desc
)

select
    tenant_id,
    count(distinct usage_date) as days,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    bool_or(state = 'refused') as is_refused,
    (array_agg(cause order by state = 'refused' desc, usage_date desc))[1] as cause
from latest
where state = 'refused' or (state = 'pending' and committed_at <= %(tried_before)s)
group by tenant_id
order by tenant_id;

-- name: expiring_keys
-- Keys that nothing replaces: of no other one with the same rights and a longer life.
select
    k.key_id,
    k.tenant_id,
    k.scopes,
    k.expires_at
from control.api_keys as k
where
    k.revoked_at is null
    and k.expires_at <= %(expires_before)s
    and k.expires_at > %(forgotten_before)s
    and not exists (
        select from control.api_keys as o
        where
            o.tenant_id is not distinct from k.tenant_id
            and o.scopes @> k.scopes
            and o.revoked_at is null
            and (o.expires_at is null or o.expires_at > %(expires_before)s)
    )
order by k.expires_at, k.key_id;

-- name: failing_endpoints
select
    e.endpoint_id,
    e.tenant_id,
    e.host,
    s.failing_since,
    s.gone_at
from control.endpoints as e
inner join ledger.endpoint_states as s on e.endpoint_id = s.endpoint_id
where e.revoked_at is null and (s.gone_at is not null or s.failing_since <= %(tried_before)s)
order by e.endpoint_id;

-- name: failing_automations
select
    tenant_id,
    automation,
    count(*) as runs,
    bool_or(state = 'failed') as is_failed,
    (array_agg(fault order by ended_at desc nulls last) filter (where state = 'failed'))[1] as fault,
    min(coalesce(ended_at, greatest(due_at, created_at))) as since
from ledger.automation_runs
where state = 'failed' or (state = 'open' and due_at <= %(due_before)s and created_at <= %(due_before)s)
group by tenant_id, automation
order by tenant_id, automation;

-- name: last_build_id
select max(build_id) as build_id
from ledger.builds
where ended_at is not null and fault is null;

-- name: disagreeing
select count(distinct (source, account, usage_date)) as found
from ledger.disagreeing_totals;
