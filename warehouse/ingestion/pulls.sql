-- name: never_idle_out
set idle_session_timeout = 0;

-- name: open_attempt
insert into ledger.attempts (trigger, run_id) values (%s, %s) returning attempt_id;

-- name: hold_lock
select pg_advisory_lock({lock_attempt}, %s::int);

-- name: interrupt
update ledger.pulls
set
    state = 'failed',
    cause_code = 'interrupted',
    cause = 'the attempt ended before this pull did; pull it again',
    is_permanent = false,
    closed_at = clock_timestamp()
where attempt_id = %s and state = 'reading';

-- name: fail_the_dead
-- Looks at the locks and takes none: two attempts that clean up at once do not take each other for the dead one.
update ledger.pulls as p
set
    state = 'failed',
    cause_code = 'died',
    cause = format('attempt %s died before this pull was finished; pull it again', p.attempt_id),
    is_permanent = false,
    closed_at = clock_timestamp()
where p.state = 'reading' and not ledger.is_alive(p.attempt_id);

-- name: claim
-- In one order, so that two attempts that claim the same days wait for each other and never in a circle.
insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date)
select
    %(attempt_id)s,
    k.source,
    k.account,
    k.tenant_id,
    k.usage_date
from unnest(%(sources)s::text [], %(accounts)s::text [], %(tenant_ids)s::text [], %(usage_dates)s::date [])
    as k (source, account, tenant_id, usage_date)
order by k.source, k.account, k.usage_date
on conflict (source, account, usage_date) where state = 'reading' do nothing
returning pull_id, source, account, usage_date;

-- name: readers
select
    p.source,
    p.account,
    p.usage_date,
    p.attempt_id,
    p.opened_at
from ledger.pulls as p
inner join
    unnest(%(sources)s::text [], %(accounts)s::text [], %(usage_dates)s::date []) as k (source, account, usage_date)
    on p.source = k.source and p.account = k.account and p.usage_date = k.usage_date
where p.state = 'reading';

-- name: latest
select distinct on (p.source, p.account, p.usage_date)
    p.source,
    p.account,
    p.usage_date,
    p.pull_id,
    p.state = 'reading' and ledger.is_alive(p.attempt_id) as is_under_way,
    p.state in ('published', 'unchanged', 'superseded') as is_good,
    p.is_incomplete,
    coalesce(p.row_count, 0) as row_count
from ledger.pulls as p
inner join
    unnest(%(sources)s::text [], %(accounts)s::text [], %(usage_dates)s::date []) as k (source, account, usage_date)
    on p.source = k.source and p.account = k.account and p.usage_date = k.usage_date
order by p.source, p.account, p.usage_date, p.pull_id desc;

-- name: examine
-- The rows of a pull that landed, and how many of them carry its own account, tenant and date; beside it the current pull.
with reading as materialized (
    select
        pull_id,
        source,
        account,
        tenant_id,
        usage_date
    from ledger.pulls
    where pull_id = any(%(pull_ids)s::bigint []) and state = 'reading'
    order by pull_id
    for update
),

landed as materialized (
    select
        counted.pull_id,
        counted.landed,
        counted.fitting
    from ledger.landed(array(select reading.pull_id from reading)) as counted
)

select
    p.pull_id,
    coalesce(l.landed, 0),
    coalesce(l.fitting, 0),
    c.pull_id,
    c.content_hash,
    c.is_incomplete,
    case when r.pull_id is null then c.results_hash else r.results_hash end
from reading as p
left join landed as l on p.pull_id = l.pull_id
left join ledger.pulls as c
    on p.source = c.source and p.account = c.account and p.usage_date = c.usage_date and c.state = 'published'
left join
    lateral (
        select
            later.pull_id,
            later.results_hash
        from ledger.pulls as later
        where later.confirms_pull_id = c.pull_id and later.holds_results
        order by later.pull_id desc
        limit 1
    ) as r
    on true;

-- name: supersede
update ledger.pulls set state = 'superseded' where pull_id = any(%(pull_ids)s::bigint []) and state = 'published';

-- name: publish
update ledger.pulls as p
set
    state = case when r.confirms_pull_id is null then 'published' else 'unchanged' end,
    confirms_pull_id = r.confirms_pull_id,
    holds_results = r.holds_results,
    row_count = r.row_count,
    content_hash = r.content_hash,
    results_hash = r.results_hash,
    is_incomplete = r.is_incomplete,
    is_in_progress = r.is_in_progress,
    lacks_only_quarantined = r.lacks_only_quarantined,
    totals = r.totals,
    provider_totals = nullif(r.provider_totals, 'null'),
    windows = r.windows,
    requests = r.requests,
    closed_at = clock_timestamp()
from jsonb_to_recordset(%(pulls)s::jsonb) as r (
    pull_id bigint, confirms_pull_id bigint, holds_results boolean, row_count bigint, content_hash text,
    results_hash text, is_incomplete boolean, is_in_progress boolean, lacks_only_quarantined boolean,
    totals jsonb, provider_totals jsonb, windows jsonb, requests int
)
where p.pull_id = r.pull_id;

-- name: report_new_fields
insert into ledger.new_fields (source, field, account, usage_date, pull_id)
select
    p.source,
    f.field,
    p.account,
    p.usage_date,
    p.pull_id
from ledger.pulls as p
cross join unnest(%(fields)s::text []) as f (field)
where p.pull_id = %(pull_id)s
order by f.field
on conflict (source, field) do nothing;

-- name: forget_set_aside
-- Of a pull that nobody reads any more, the reason is left.
update ledger.quarantine set payload = null where pull_id = any(%(pull_ids)s::bigint []) and payload is not null;

-- name: set_aside
insert into ledger.quarantine (
    pull_id, source, account, tenant_id, usage_date, item, reason, fingerprint, scopes, payload, created_at, length_from
)
select
    p.pull_id,
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    r.item,
    r.reason,
    r.fingerprint,
    r.scopes,
    r.payload::json,
    r.at,
    r.length_from
from jsonb_to_recordset(%(rows)s::jsonb) as r (
    pull_id bigint, item text, reason text, fingerprint text, scopes jsonb, payload text, at timestamptz,
    length_from timestamptz
)
inner join ledger.pulls as p on r.pull_id = p.pull_id;

-- name: fail
update ledger.pulls
set
    state = 'failed',
    cause_code = %s,
    cause = %s,
    is_permanent = %s,
    windows = %s::jsonb,
    requests = %s,
    evidence = %s,
    closed_at = clock_timestamp()
where pull_id = %s and state = 'reading';

-- name: current
select
    p.source,
    p.account,
    p.usage_date,
    p.pull_id,
    p.content_hash,
    case when r.pull_id is null then p.results_hash else r.results_hash end as results_hash,
    p.row_count,
    p.is_incomplete
from ledger.pulls as p
inner join
    unnest(%(sources)s::text [], %(accounts)s::text [], %(usage_dates)s::date []) as k (source, account, usage_date)
    on p.source = k.source and p.account = k.account and p.usage_date = k.usage_date
left join
    lateral (
        select
            later.pull_id,
            later.results_hash
        from ledger.pulls as later
        where later.confirms_pull_id = p.pull_id and later.holds_results
        order by later.pull_id desc
        limit 1
    ) as r
    on true
where p.state = 'published';
