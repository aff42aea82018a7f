-- What was read of providers, day by day and account by account; what is due; and which rows are in doubt.

create table ledger.attempts (
    attempt_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    trigger text not null check (trigger in ('schedule', 'backfill', 'cli', 'today')),
    run_id text
);
comment on table ledger.attempts is
'One process reading providers. While it lives it holds the session advisory lock (classid 7733, objid attempt_id);'
' so a claim of a dead process is told from one that is still at work.';

-- Whether an attempt is still at work: asked by whoever claims a day, waits for one, or looks for what comes back.
create function ledger.is_alive(attempt bigint) returns boolean language sql stable set search_path = '' as $$
    select exists(
        select from pg_catalog.pg_locks as l
        where
            l.locktype = 'advisory' and l.granted
            and l.database = (
                select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
            )
            and l.classid = 7733 and l.objid = attempt and l.objsubid = 2
    )
$$;
comment on function ledger.is_alive(bigint) is
'True while the attempt''s process holds its session advisory lock (ledger.attempts).';

create table ledger.pulls (
    pull_id bigint generated always as identity primary key,
    attempt_id bigint not null references ledger.attempts,
    source text not null references control.sources,
    account text not null,
    tenant_id text references control.tenants,
    usage_date date not null,
    state text not null default 'reading'
    check (state in ('reading', 'published', 'superseded', 'unchanged', 'failed')),
    is_incomplete boolean not null default false,
    is_in_progress boolean not null default false,
    row_count bigint,
    content_hash text,
    totals jsonb not null default '{}',
    provider_totals jsonb,
    windows jsonb not null default '[]',
    requests int not null default 0,
    cause_code text,
    cause text,
    is_permanent boolean,
    confirms_pull_id bigint references ledger.pulls,
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    purged_at timestamptz,
    lacks_only_quarantined boolean not null default false,
    evidence text,
    results_hash text,
    holds_results boolean not null default false,
    check (not holds_results or state = 'unchanged'),
    check (account = coalesce(tenant_id, 'platform')),
    check ((state = 'failed') = (cause is not null)),
    check ((state = 'unchanged') = (confirms_pull_id is not null)),
    check ((state = 'reading') = (closed_at is null))
);
create unique index pulls_one_current on ledger.pulls (source, account, usage_date) where state = 'published';
create unique index pulls_one_reading on ledger.pulls (source, account, usage_date) where state = 'reading';
create index pulls_of_a_day on ledger.pulls (source, account, usage_date, pull_id);
create index pulls_to_purge on ledger.pulls (source, closed_at)
where state in ('superseded', 'failed', 'unchanged') and purged_at is null;
create index pulls_by_usage_date on ledger.pulls (usage_date);
create index pulls_by_closing on ledger.pulls (closed_at) where state = 'published';
create index pulls_in_doubt on ledger.pulls (source, account, usage_date) where evidence is not null;
create index pulls_confirmed on ledger.pulls (confirms_pull_id) where confirms_pull_id is not null;
create index pulls_with_results on ledger.pulls (confirms_pull_id, pull_id) where holds_results;
comment on table ledger.pulls is
'One attempt to read one account, source and usage date. Only rows of published pulls are read by anybody.'
' An account is a tenant''s own, or the platform''s (tenant_id is null), whose calls dbt routes to tenants.';
comment on column ledger.pulls.is_in_progress is
'Whether the day was read before it was over: it is incomplete for that alone, and another reading replaces it.';
comment on column ledger.pulls.purged_at is
'When its raw rows were deleted. Only pulls that nobody reads are purged; what they counted stays here.';
comment on column ledger.pulls.lacks_only_quarantined is
'Whether it is incomplete for no other reason than that rows were set aside.';
comment on column ledger.pulls.evidence is 'Of a pull that failed for a doubt: the figures and rows that it was about.';
comment on column ledger.pulls.results_hash is
'SHA-256 of what its rows say of calls beyond what is billed, as it may be stored; null where they say nothing.';
comment on column ledger.pulls.holds_results is
'Of an unchanged pull: it billed the same and said something else of its calls, so its rows landed. Results are read from the'
' latest of these; money from the pull that it confirms.';

create function ledger.holds_current_results(of_pull ledger.pulls) returns boolean
language sql stable set search_path = '' as $$
    select
        of_pull.holds_results
        and exists (
            select from ledger.pulls as confirmed
            where confirmed.pull_id = of_pull.confirms_pull_id and confirmed.state = 'published'
        )
        and not exists (
            select from ledger.pulls as later
            where later.confirms_pull_id = of_pull.confirms_pull_id and later.holds_results and later.pull_id > of_pull.pull_id
        )
$$;
comment on function ledger.holds_current_results is 'Whether the results of calls are read from this pull now.';

-- One pace per provider and key, kept by all runs together: the night, a backfill and a person may ask with one key at once.
create unlogged table ledger.request_paces (
    provider text not null,
    key_fingerprint bytea not null check (octet_length(key_fingerprint) = 8),
    next_start timestamptz not null,
    primary key (provider, key_fingerprint)
) with (fillfactor = 50);
comment on table ledger.request_paces is
'Until when the time of a key is taken, by requests or by a pause the provider asked for. Unlogged: after a crash nobody'
' waits. The fingerprint is the beginning of a hash; no key can be told from it.';

-- What was pushed to us is added up here by whoever stores it, in the same transaction: a row for each, which never waits for
-- another's. So a day is known to be due by what it holds and not by when that came.
create table ledger.arrivals (
    arrival_id bigint generated always as identity primary key,
    tenant_id text not null,
    source text not null references control.sources,
    usage_date date not null,
    events bigint not null check (events >= 0),
    content numeric not null check (content > 0)
);
create index arrivals_of_a_day on ledger.arrivals (tenant_id, source, usage_date);
comment on table ledger.arrivals is
'What each transaction added to a tenant''s day of a source that is pushed: events, and the sum of their content hashes.'
' A day that is replaced elsewhere has 0 events and a sum. Rows of one day may be folded to one at any time.';

create view ledger.changed_arrivals with (security_invoker = true) as
with pushed as (
    select
        tenant_id,
        source,
        usage_date,
        sum(events) as events,
        sum(content) as content
    from ledger.arrivals
    group by tenant_id, source, usage_date
)

select
    pushed.tenant_id,
    pushed.source,
    pushed.usage_date,
    r.pull_id,
    r.closed_at
from pushed
cross join
    lateral (
        select
            p.pull_id,
            p.closed_at,
            p.totals
        from ledger.pulls as p
        where
            p.source = pushed.source
            and p.account = pushed.tenant_id
            and p.usage_date = pushed.usage_date
            and p.state in ('published', 'unchanged')
        order by p.pull_id desc
        limit 1
    ) as r
where
    (r.totals ->> 'events')::numeric is distinct from pushed.events
    or (r.totals ->> 'content')::numeric is distinct from pushed.content;
comment on view ledger.changed_arrivals is
'Days that were read and hold something else now, by count and content; pull_id is the latest reading of each.';

-- From when to when a tenant's usage of a source is read, and from whose account: what should be pulled, in one place,
-- for the night, for the status of each tenant and day, and for the check that no day is missing.
create view control.tenant_sources with (security_invoker = true) as
with own as (
    select
        c.tenant_id,
        s.source,
        min(c.used_from) as used_from
    from control.credentials as c
    inner join control.sources as s on c.provider = s.provider and s.needs_credential
    where
        c.tenant_id is not null
        and c.retired_at is null
        and (s.enabled_by is null or c.settings ->> s.enabled_by[1] = s.enabled_by[2])
    group by c.tenant_id, s.source
),

attached as (
    select
        a.tenant_id,
        s.source,
        s.accounts,
        s.enabled_by is not null as needs_setting,
        a.valid_from,
        a.valid_to
    from control.scopes as a
    inner join control.sources as s on a.kind = any(s.scope_kinds)
    where a.tenant_id is not null
)

select
    o.tenant_id,
    o.source,
    o.tenant_id as account,
    o.used_from as valid_from,
    null::date as valid_to
from own as o
inner join control.sources as s on o.source = s.source and s.accounts = 'shared'
union all
select
    a.tenant_id,
    a.source,
    'platform' as account,
    a.valid_from,
    least(a.valid_to, o.used_from) as valid_to
from attached as a
left join own as o on a.tenant_id = o.tenant_id and a.source = o.source
where a.accounts = 'shared' and a.valid_from < coalesce(o.used_from, 'infinity')
union all
select
    a.tenant_id,
    a.source,
    a.tenant_id as account,
    case when a.needs_setting then greatest(a.valid_from, o.used_from) else a.valid_from end as valid_from,
    a.valid_to
from attached as a
left join own as o on a.tenant_id = o.tenant_id and a.source = o.source
where a.accounts = 'own' and (not a.needs_setting or o.used_from < coalesce(a.valid_to, 'infinity'))
union all
select
    p.tenant_id,
    p.source,
    p.tenant_id as account,
    p.usage_date as valid_from,
    p.usage_date + 1 as valid_to
from
    (
        select distinct
            r.tenant_id,
            r.source,
            r.usage_date
        from ledger.arrivals as r
    ) as p;
comment on view control.tenant_sources is
'Half-open [valid_from, valid_to); several rows per tenant and source may overlap. account: whose credential reads it.';

-- Which days of which account an active tenant uses: one rule for what is due, what needs attention and whom the night pulls.
-- No settings of its own, so that it is planned as a part of the query that asks.
create function control.expected_days(first_day date, last_day date)
returns table (tenant_id text, source text, account text, usage_date date) language sql stable as $$
    select distinct
        t.tenant_id,
        t.source,
        t.account,
        d.day::date as usage_date
    from control.tenant_sources as t
    inner join control.active_spans() as s on t.tenant_id = s.tenant_id
    cross join
        lateral generate_series(
            greatest(t.valid_from, s.valid_from, first_day)::timestamp,
            least(t.valid_to - 1, s.valid_to - 1, last_day)::timestamp,
            interval '1 day'
        ) as d (day)
$$;
comment on function control.expected_days(date, date) is
'Usage dates of [first_day, last_day], both included, that active tenants have of each source, and the account they are read from.';

-- Of a provider's answer only the fields of its contract are stored. What else came is reported by its path, never its value.
create table ledger.new_fields (
    source text not null,
    field text not null check (length(field) <= 1000),
    account text not null,
    usage_date date not null,
    pull_id bigint not null,
    seen_at timestamptz not null default clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    primary key (source, field)
);
comment on table ledger.new_fields is
'Fields that a provider sent, that are not in its contract and were not stored, once each, where they were seen first.';
create trigger audit after update or delete on ledger.new_fields
for each row execute function ledger.record_audit();

-- A row that breaks its source's contract is set aside by itself: its day is published without it, and whoever it may concern
-- is not approved until it is repaired, assigned or accepted.
create table ledger.quarantine (
    quarantine_id bigint generated always as identity primary key,
    pull_id bigint not null references ledger.pulls,
    source text not null,
    account text not null,
    tenant_id text references control.tenants,
    usage_date date not null,
    item text not null,
    reason text not null,
    fingerprint text not null,
    scopes jsonb not null default '{}',
    payload json,
    created_at timestamptz,
    length_from timestamptz,
    set_aside_at timestamptz not null default clock_timestamp(),
    unique (pull_id, item)
);
comment on table ledger.quarantine is
'Rows of published pulls that break the contract of their source: in no raw table, and in no sum.';
comment on column ledger.quarantine.scopes is 'By which it may find its tenant: kind of attachment to value.';
comment on column ledger.quarantine.payload is
'As a row of nobody''s is stored, without what is personal; null once its pull is superseded, and for what is no JSON.';
comment on column ledger.quarantine.length_from is
'Of a call that breaks nothing but the bounds of its length: when it started.';

create table ledger.acceptances (
    acceptance_id bigint generated always as identity primary key,
    source text not null,
    account text not null,
    tenant_id text references control.tenants,
    usage_date date not null,
    doubt text not null check (
        doubt in (
            'quarantined', 'rows_lost', 'loss_unconfirmed', 'totals_disagree', 'costs_differ', 'minutes_differ',
            'billed_elsewhere'
        )
    ),
    subject text not null,
    evidence text not null,
    reason text not null check (reason <> ''),
    seconds numeric check (seconds >= 0),
    accepted_at timestamptz not null default clock_timestamp()
);
create index acceptances_of_a_day on ledger.acceptances (source, account, usage_date, doubt, subject);
comment on table ledger.acceptances is
'What a person accepted of an account-day: a row set aside, a total, rows that are gone, a call that contradicts itself; each'
' as its evidence has it. Of several of one subject the last one holds.';
comment on column ledger.acceptances.seconds is
'The length at which a call set aside is billed; null where it stays out of every sum.';
create trigger audit after insert or update or delete on ledger.acceptances
for each row execute function ledger.record_audit();
create trigger advance_revision after insert or update or delete on ledger.acceptances
for each row execute function control.advance_revision();

-- What a provider counts of its campaigns is a check of what was read: nothing of it is usage, and no sum holds it.
create table ledger.campaigns (
    source text not null references control.sources,
    account text not null,
    campaign_id text not null,
    name text not null,
    calls bigint check (calls >= 0),
    connected bigint check (connected >= 0),
    over_since timestamptz,
    counted_at timestamptz not null,
    primary key (source, account, campaign_id)
);
comment on table ledger.campaigns is
'The campaigns of accounts whose calls were made by some, as their provider named and counted them last.';
comment on column ledger.campaigns.over_since is 'When it was first said to be over; null while it may make more calls.';

create view ledger.standing_quarantine with (security_invoker = true) as
with known as (
    select
        q.quarantine_id,
        q.usage_date,
        k.kind,
        q.item as value
    from ledger.quarantine as q
    inner join control.sources as s on q.source = s.source
    inner join control.scope_kinds as k on k.kind = any(s.scope_kinds) and k.is_of_one_row
    union all
    select
        q.quarantine_id,
        q.usage_date,
        s.key as kind,
        s.value
    from ledger.quarantine as q
    cross join lateral jsonb_each_text(q.scopes) as s
),

attached as (
    select
        known.quarantine_id,
        k.rank,
        v.tenant_id
    from known
    inner join control.scope_kinds as k on known.kind = k.kind
    cross join
        lateral (
            select a.tenant_id
            from control.agent_attachments as a
            where
                a.kind = known.kind
                and a.value = known.value
                and a.valid_from <= known.usage_date
                and (not k.is_of_one_row or a.valid_from = known.usage_date)
            order by a.valid_from desc
            limit 1
        ) as v
    where v.tenant_id is not null
),

routed as (
    select distinct on (quarantine_id)
        quarantine_id,
        tenant_id
    from attached
    order by quarantine_id, rank
)

select
    q.quarantine_id,
    q.pull_id,
    q.source,
    q.account,
    q.usage_date,
    q.item,
    q.reason,
    q.fingerprint,
    q.scopes,
    q.set_aside_at,
    coalesce(q.tenant_id, routed.tenant_id) as tenant_id
from ledger.quarantine as q
inner join ledger.pulls as p on q.pull_id = p.pull_id and p.state = 'published'
left join routed on q.quarantine_id = routed.quarantine_id
where
    not exists (
        select from ledger.acceptances as a
        where
            a.source = q.source
            and a.account = q.account
            and a.usage_date = q.usage_date
            and a.doubt = 'quarantined'
            and a.subject = q.item
            and a.evidence = q.fingerprint
    );
comment on view ledger.standing_quarantine is
'Rows set aside of what is published now that nobody accepted; tenant_id is whom they route to, null for nobody.';

create view ledger.corrected_calls with (security_invoker = true) as
select
    q.pull_id,
    q.account,
    p.tenant_id,
    q.usage_date,
    q.item as call_id,
    q.created_at,
    q.length_from as started_at,
    q.length_from + a.seconds * interval '1 second' as ended_at,
    q.payload,
    a.seconds,
    a.reason
from ledger.quarantine as q
inner join ledger.pulls as p on q.pull_id = p.pull_id and p.state = 'published'
cross join
    lateral (
        select
            accepted.seconds,
            accepted.reason
        from ledger.acceptances as accepted
        where
            accepted.source = q.source
            and accepted.account = q.account
            and accepted.usage_date = q.usage_date
            and accepted.doubt = 'quarantined'
            and accepted.subject = q.item
            and accepted.evidence = q.fingerprint
        order by accepted.acceptance_id desc
        limit 1
    ) as a
where q.source = 'vapi' and q.length_from is not null and q.payload is not null and a.seconds is not null;
comment on view ledger.corrected_calls is 'Calls set aside for their length alone that a person accepted at another one.';

create function ledger.is_whole(p ledger.pulls) returns boolean language sql stable as $$
    select
        not p.is_incomplete
        or (
            p.lacks_only_quarantined
            and not exists (
                select from ledger.standing_quarantine as q where q.pull_id = coalesce(p.confirms_pull_id, p.pull_id)
            )
        )
$$;
comment on function ledger.is_whole(ledger.pulls) is
'Whether nothing of a pull is still under way, and each row that was set aside is accepted.';

-- Whether a provider's own total agrees is said by the latest reading of what is current, published or unchanged: one that
-- agrees again ends a doubt, and one that does not raises it although no row moved.
create view ledger.disagreeing_totals with (security_invoker = true) as
select
    c.source,
    c.account,
    c.tenant_id,
    c.usage_date,
    r.pull_id,
    reported.name,
    counted.value as counted,
    reported.value as provider_says,
    concat(counted.value, '/', reported.value) as evidence,
    exists(
        select from ledger.pulls as earlier
        where
            earlier.source = c.source
            and earlier.account = c.account
            and earlier.usage_date = c.usage_date
            and earlier.pull_id < r.pull_id
            and coalesce(earlier.confirms_pull_id, earlier.pull_id) = c.pull_id
            and earlier.provider_totals ->> reported.name = reported.value
    ) as is_repeated
from ledger.pulls as c
cross join
    lateral (
        select
            p.pull_id,
            p.totals,
            p.provider_totals
        from ledger.pulls as p
        where
            p.source = c.source
            and p.account = c.account
            and p.usage_date = c.usage_date
            and p.state in ('published', 'unchanged')
            and coalesce(p.confirms_pull_id, p.pull_id) = c.pull_id
            and p.provider_totals is not null
        order by p.pull_id desc
        limit 1
    ) as r
cross join lateral jsonb_each_text(r.provider_totals) as reported (name, value)
left join lateral jsonb_each_text(r.totals) as counted (name, value) on reported.name = counted.name
where
    c.state = 'published'
    and not coalesce(r.totals @> r.provider_totals, false)
    -- Within a ten-thousandth per call: each call's cost is rounded by its provider, its own sum is not.
    and abs(reported.value::numeric - coalesce(counted.value::numeric, 0))
    > case when reported.name = 'cost' then 0.0001 * coalesce((r.totals ->> 'calls')::numeric, 0) else 0 end
    and not exists (
        select from ledger.acceptances as a
        where
            a.source = c.source
            and a.account = c.account
            and a.usage_date = c.usage_date
            and a.doubt = 'totals_disagree'
            and a.subject = reported.name
            and a.evidence = concat(counted.value, '/', reported.value)
    );
comment on view ledger.disagreeing_totals is
'What a provider counts otherwise than its rows, by the latest reading, unless a person accepted just that.'
' is_repeated: an earlier reading was told the same.';

create view ledger.doubted_days with (security_invoker = true) as
select distinct on (p.source, p.account, p.usage_date)
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    p.cause_code,
    p.cause,
    p.evidence
from ledger.pulls as p
where
    p.state = 'failed'
    and p.evidence is not null
    and exists (
        select from ledger.pulls as c
        where
            c.source = p.source and c.account = p.account and c.usage_date = p.usage_date and c.state = 'published'
    )
    and not exists (
        select from ledger.pulls as later
        where
            later.source = p.source
            and later.account = p.account
            and later.usage_date = p.usage_date
            and later.pull_id > p.pull_id
            and later.state in ('published', 'unchanged')
    )
order by p.source asc, p.account asc, p.usage_date asc, p.pull_id desc;
comment on view ledger.doubted_days is
'Days that keep what they had although the provider sends something else now, which nobody has accepted yet.';

create function ledger.landed(of_pulls bigint[]) returns table (pull_id bigint, landed bigint, fitting bigint)
language plpgsql stable set search_path = '' as $$
declare
    raw record;
begin
    for raw in
        select distinct s.source, s.raw_schema, s.raw_table
        from ledger.pulls as p
        inner join control.sources as s on p.source = s.source
        where p.pull_id = any(of_pulls)
    loop
        return query execute pg_catalog.format(
            'select r.pull_id, count(*),'
            ' count(*) filter (where r.account = p.account and r.usage_date = p.usage_date'
            ' and r.tenant_id is not distinct from p.tenant_id)'
            ' from %I.%I as r inner join ledger.pulls as p on r.pull_id = p.pull_id and p.source = $2'
            ' where r.pull_id = any($1) group by r.pull_id',
            raw.raw_schema, raw.raw_table
        ) using of_pulls, raw.source;
    end loop;
end
$$;
comment on function ledger.landed(bigint[]) is
'Rows of these pulls that landed, and those of them that carry their pull''s own account, tenant and usage date.';

-- What landed of a batch that failed is taken back before it is landed again; rows of a pull that was published stay.
create function ledger.discard_landed(raw_table regclass, of_pulls bigint[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
    if not exists (
        select from pg_catalog.pg_class as c
        inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
        where c.oid = raw_table and n.nspname like 'raw\_%'
    ) then
        raise exception '% is no table of raw rows', raw_table using errcode = 'invalid_parameter_value';
    end if;
    execute pg_catalog.format(
        'delete from %s as landed using ledger.pulls as p'
        ' where landed.pull_id = p.pull_id and p.state = ''reading'' and p.pull_id = any($1)',
        raw_table
    ) using of_pulls;
end
$$;
comment on function ledger.discard_landed(regclass, bigint[]) is
'Deletes raw rows of pulls that are still being read; the loader has no other way to delete.';
