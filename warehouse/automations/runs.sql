-- name: begin
select ledger.begin_automation_runs(%(today)s) as begun;

-- name: claim
-- Of tenants that are active and whose flag names the automation still. Whoever claims at the same time skips what is taken.
with allowed as (
    select
        t.tenant_id,
        f.key as automation
    from control.tenants as t
    cross join
        lateral jsonb_object_keys(
            case
                when jsonb_typeof(t.feature_flags -> 'automations') = 'object' then t.feature_flags -> 'automations'
                else '{}'
            end
        ) as f (key)
    where
        (
            select s.status from control.tenant_statuses as s
            where s.tenant_id = t.tenant_id and s.valid_from <= (%(now)s at time zone 'UTC')::date
            order by s.valid_from desc
            limit 1
        ) = 'active'
),

chosen as (
    select due.thread_id
    from (select distinct a.tenant_id from allowed as a) as of_tenants
    cross join
        lateral (
            select r.thread_id
            from ledger.automation_runs as r
            where
                r.tenant_id = of_tenants.tenant_id
                and r.state = 'open'
                and r.due_at <= %(now)s
                and r.automation in (select a.automation from allowed as a where a.tenant_id = r.tenant_id)
            order by r.due_at, r.created_at
            limit %(at_once)s
            for update skip locked
        ) as due
),

taken as (
    update ledger.automation_runs as r set due_at = %(lease_ends)s
    from chosen as c
    where r.thread_id = c.thread_id
    returning r.*
)

select
    t.thread_id,
    t.tenant_id,
    t.automation,
    t.source,
    t.account,
    t.call_id,
    t.usage_date,
    c.agent_id,
    t.attempts,
    t.question_id,
    t.answer
from taken as t
left join
    marts.fct_calls as c
    on
        t.tenant_id = c.tenant_id and t.source = c.source and t.account = c.account
        and t.usage_date = c.usage_date and t.call_id = c.call_id
order by t.tenant_id, t.created_at, t.thread_id;

-- name: settle
-- An answer that came while it ran is kept for the question that it is of.
update ledger.automation_runs
set
    state = %(state)s,
    due_at = %(due_at)s,
    attempts = %(attempts)s,
    question = case when %(has_run)s then %(question)s else question end,
    question_id = case when %(has_run)s then %(question_id)s else question_id end,
    answer = case when %(has_run)s then null else answer end,
    fault = %(fault)s,
    version = coalesce(version, %(version)s),
    begun_at = coalesce(begun_at, %(now)s),
    ended_at = case when %(state)s in ('done', 'failed') then %(now)s end
where thread_id = %(thread_id)s and state = 'open';

-- name: release
update ledger.automation_runs set due_at = %(now)s
where thread_id = %(thread_id)s and state = 'open';

-- name: next_due
select min(due_at) as next_at
from ledger.automation_runs
where state = 'open';

-- name: answer
update ledger.automation_runs set answer = %(said)s, due_at = %(now)s
where thread_id = %(thread_id)s and state = 'open' and question is not null and due_at is null;

-- name: retry
update ledger.automation_runs
set
    state = 'open',
    due_at = %(now)s,
    attempts = 0,
    fault = null,
    ended_at = null
where tenant_id = %(tenant_id)s and automation = %(automation)s and state = 'failed';

-- name: end
update ledger.automation_runs
set
    state = 'ended',
    due_at = null,
    question = null,
    answer = null,
    ended_at = %(now)s
where thread_id = %(thread_id)s and state in ('open', 'failed');

-- name: found
select
    thread_id,
    state
from ledger.automation_runs
where thread_id = %(thread_id)s;

-- name: listed
select
    thread_id,
    tenant_id,
    automation,
    version,
    case when state = 'open' and due_at is null then 'asks' else state end as state,
    nullif(due_at, 'epoch') as due_at,
    attempts,
    question,
    fault,
    usage_date,
    source,
    call_id,
    begun_at,
    ended_at
from ledger.automation_runs
where %(tenant_id)s::text is null or tenant_id = %(tenant_id)s
order by state <> 'failed', state <> 'open' or due_at is not null, state <> 'open', created_at desc, thread_id
limit %(limit)s offset %(offset)s;

-- name: count
select
    count(*) filter (where needs_person) as theirs,
    count(*) filter (where not needs_person) as others
from (
    select state = 'failed' or (state = 'open' and due_at is null) as needs_person
    from ledger.automation_runs
    where %(tenant_id)s::text is null or tenant_id = %(tenant_id)s
) as runs;

-- name: forget
select ledger.forget_automations(%(today)s) as gone;
