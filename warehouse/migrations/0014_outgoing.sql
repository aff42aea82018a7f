-- What others are told: a fact is written down for whoever listens in the transaction that makes it, and goes to each endpoint
-- until it was taken. Where nobody listens nothing is written.

create table control.endpoints (
    endpoint_id text primary key check (endpoint_id ~ '^ep_[0-9A-Za-z]{12}$'),
    tenant_id text references control.tenants,
    host text not null,
    event_types text[] not null check (cardinality(event_types) > 0),
    form text not null default 'event' check (form in ('event', 'slack', 'teams', 'mail')),
    has_content boolean not null default false,
    data_key_id bigint not null references control.data_keys,
    ciphertext bytea not null,
    created_at timestamptz not null,
    created_by text not null,
    revoked_at timestamptz,
    check (form = 'event' or event_types <@ '{alert.opened,alert.resolved}')
);
create index endpoints_of_a_tenant on control.endpoints (tenant_id);
comment on table control.endpoints is
'Where events are sent. Address and signing secret are sealed in the vault: an address may carry a key of its own.';
comment on column control.endpoints.tenant_id is 'Whose events it hears; null: an endpoint of the platform, which hears all tenants''.';
comment on column control.endpoints.form is 'How it is told: a signed event, or an alert as Slack, Teams or a mail shows it.';
comment on column control.endpoints.has_content is 'Whether a call''s facts go with its ids. They are read when they are sent, and stored in no event.';
create trigger audit after insert or update or delete on control.endpoints
for each row execute function ledger.record_audit();

create table ledger.outgoing_events (
    event_number bigint primary key generated always as identity,
    event_id text not null unique default 'evt_' || replace(gen_random_uuid()::text, '-', ''),
    type text not null,
    tenant_id text,
    subject text not null,
    data jsonb not null check (jsonb_typeof(data) = 'object'),
    happened_at timestamptz not null default clock_timestamp()
);
create index outgoing_events_by_age on ledger.outgoing_events (happened_at);
comment on table ledger.outgoing_events is
'Facts that somebody listens to: ids and no content. Events of one subject are numbered in the order in which they committed.';

create table ledger.deliveries (
    endpoint_id text not null references control.endpoints,
    event_number bigint not null references ledger.outgoing_events on delete cascade,
    tenant_id text,
    subject text not null,
    state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
    attempts int not null default 0,
    next_attempt_at timestamptz not null default '-infinity',
    first_attempted_at timestamptz,
    attempted_at timestamptz,
    last_status int,
    fault text,
    primary key (endpoint_id, event_number)
);
create index deliveries_of_a_subject on ledger.deliveries (endpoint_id, subject, event_number) where state = 'waiting';
-- That next_attempt_at is not null keeps a search for a subject's first out of this index, also where nothing is known of the rows yet.
create index deliveries_due on ledger.deliveries (endpoint_id, next_attempt_at, event_number)
where state = 'waiting' and next_attempt_at is not null;
create index deliveries_of_an_event on ledger.deliveries (event_number);
create index deliveries_by_attempt on ledger.deliveries (state, attempted_at);
comment on table ledger.deliveries is
'Each event once for each endpoint that listened when it happened. One that waits holds back later ones of its subject.';
comment on column ledger.deliveries.next_attempt_at is 'Whoever sends it sets it to when another may try, so that a process that dies holds it no longer.';
comment on column ledger.deliveries.first_attempted_at is 'When its three days began; empty again once it is replayed.';
comment on column ledger.deliveries.fault is 'Why the last attempt failed: a status, a kind of fault, or the word of our own mail server; never what a receiver said.';

create table ledger.endpoint_states (
    endpoint_id text primary key references control.endpoints,
    tenant_id text,
    failures int not null default 0,
    failing_since timestamptz,
    held_until timestamptz,
    gone_at timestamptz
);
comment on table ledger.endpoint_states is 'How an endpoint answers: faults in a row, and until when it is left alone.';
comment on column ledger.endpoint_states.gone_at is 'When it answered 410, which asks to send no more; until a replay.';

create table ledger.completed_calls (
    source text not null,
    account text not null,
    call_id text not null,
    tenant_id text not null,
    usage_date date not null,
    primary key (source, account, call_id)
);
create index completed_calls_by_day on ledger.completed_calls (usage_date);
comment on table ledger.completed_calls is 'Calls of which call.completed was written down: each is told once, whatever is pulled again.';

create table ledger.pulls_told (
    pull_id bigint primary key references ledger.pulls,
    build_key text not null
);
comment on table ledger.pulls_told is 'Pulls whose calls were gone through as they were built; with another key they are gone through again.';

create table ledger.differences_told (
    tenant_id text not null,
    meter_id text not null,
    usage_date date not null,
    finding text not null,
    difference numeric not null,
    primary key (tenant_id, meter_id, usage_date)
);
comment on table ledger.differences_told is 'Days on which postings and Stripe differ, as they were told; one that is settled is forgotten.';

create table ledger.alerts (
    alert_id bigint primary key generated always as identity,
    rule text not null check (rule <> ''),
    tenant_id text references control.tenants,
    subject text not null,
    level int not null check (level > 0),
    title text not null check (title <> ''),
    fix text not null,
    path text not null check (path like '/%'),
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    resolved_at timestamptz
);
create unique index alerts_open on ledger.alerts (rule, subject, tenant_id) nulls not distinct
where resolved_at is null;
create index alerts_by_end on ledger.alerts (resolved_at);
create index alerts_of_a_tenant on ledger.alerts (tenant_id);
comment on table ledger.alerts is
'What is wrong, or was: one row per rule and subject from when it was first seen until it was gone, however often it is looked at.';
comment on column ledger.alerts.level is 'The highest it had; it is said again only when it rises.';
comment on column ledger.alerts.title is 'In words, as it was last seen; fix: the commands that resolve it; path: the page about it.';

do $$
declare
    secured record;
    table_name text;
begin
    for secured in
        values
        (
            'minutebook_operator',
            array[
                'control.endpoints', 'ledger.outgoing_events', 'ledger.deliveries', 'ledger.endpoint_states',
                'ledger.alerts'
            ]
        ),
        (null, array['ledger.completed_calls', 'ledger.differences_told'])
    loop
        foreach table_name in array secured.column2 loop
            execute format('alter table %s enable row level security', table_name);
            execute format('alter table %s force row level security', table_name);
            execute format('create policy owner on %s to current_user using (true) with check (true)', table_name);
            if secured.column1 is not null then
                execute format(
                    'create policy processes on %s to %s using (true) with check (true)', table_name, secured.column1
                );
            end if;
        end loop;
    end loop;
end
$$;

create function control.listening(of_type text, of_tenant text) returns setof control.endpoints
language sql stable set search_path = '' as $$
    select e.* from control.endpoints as e
    where
        e.revoked_at is null
        and of_type = any(e.event_types)
        and (e.tenant_id is null or e.tenant_id = of_tenant)
        and not exists (select from control.tenants as t where t.tenant_id = of_tenant and t.is_canary)
$$;
comment on function control.listening(text, text) is
'Endpoints that hear a type of event of a tenant; of null: of no tenant, which those of the platform hear. Of the canary: none.';

-- The one way in which a fact becomes an event. Whoever tells of one subject waits for the other to commit, so that the order of
-- their numbers is the order of what happened.
create function ledger.tell(
    of_type text, of_tenant text, of_subject text, of_data jsonb, only_endpoint text default null
) returns void
language plpgsql security definer set search_path = '' as $$
declare
    number bigint;
begin
    if not exists (
        select from control.listening(of_type, of_tenant) as l
        where only_endpoint is null or l.endpoint_id = only_endpoint
    ) then
        return;
    end if;
    perform pg_catalog.pg_advisory_xact_lock(7743, pg_catalog.hashtext(of_subject));
    insert into ledger.outgoing_events (type, tenant_id, subject, data)
    values (of_type, of_tenant, of_subject, of_data)
    returning event_number into number;
    insert into ledger.deliveries (endpoint_id, event_number, tenant_id, subject)
    select l.endpoint_id, number, l.tenant_id, of_subject from control.listening(of_type, of_tenant) as l
    where only_endpoint is null or l.endpoint_id = only_endpoint;
end
$$;
comment on function ledger.tell(text, text, text, jsonb, text) is
'Writes an event down for every endpoint that listens, or for one of them, in the transaction of the fact. data holds ids; see docs/events.md.';

-- A day that fails again for the same cause is no news. One that is read while it still goes on is not restated.
create function ledger.tell_of_pull() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    former ledger.pulls;
    of_day constant text := pg_catalog.format('day/%s/%s/%s', new.account, new.source, new.usage_date);
    about constant jsonb := pg_catalog.jsonb_build_object(
        'source', new.source, 'account', new.account, 'usage_date', new.usage_date, 'pull_id', new.pull_id
    );
begin
    select p.* into former from ledger.pulls as p
    where
        p.source = new.source and p.account = new.account and p.usage_date = new.usage_date
        and p.pull_id < new.pull_id
        and (new.state = 'failed' or p.state = 'superseded')
    order by p.pull_id desc
    limit 1;
    if new.state = 'failed' then
        if former.cause_code is distinct from new.cause_code then
            perform ledger.tell(
                'day.failed', new.tenant_id, of_day,
                about || pg_catalog.jsonb_build_object('cause_code', new.cause_code, 'is_permanent', new.is_permanent)
            );
        end if;
    elsif former.closed_at >= (new.usage_date + 1)::timestamp at time zone 'UTC' then
        perform ledger.tell(
            'day.restated', new.tenant_id, of_day,
            about || pg_catalog.jsonb_build_object('replaces_pull_id', former.pull_id)
        );
    end if;
    return null;
end
$$;
create trigger tell after update of state on ledger.pulls
for each row when (old.state = 'reading' and new.state in ('failed', 'published'))
execute function ledger.tell_of_pull();

create function ledger.tell_of_period() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform ledger.tell(
        'statement.' || new.state, new.tenant_id, pg_catalog.format('statement/%s/%s', new.tenant_id, new.period_start),
        pg_catalog.jsonb_build_object(
            'period_start', new.period_start, 'period_end', new.period_end, 'manifest_hash', new.manifest_hash
        )
    );
    return null;
end
$$;
create trigger tell after insert on ledger.periods
for each row when (new.state in ('approved', 'closed'))
execute function ledger.tell_of_period();
create trigger tell_of_change after update of state on ledger.periods
for each row when (new.state in ('approved', 'closed') and new.state <> old.state)
execute function ledger.tell_of_period();

create function ledger.tell_of_corrections() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    corrected record;
begin
    for corrected in
        select distinct
            a.tenant_id,
            a.period_start as carried_by,
            pg_catalog.split_part(a.corrects_line_id, '/', 2)::date as period_start
        from added as a
        where a.line_kind = 'adjustment' and a.corrects_line_id is not null
        order by a.tenant_id, period_start, carried_by
    loop
        perform ledger.tell(
            'statement.corrected', corrected.tenant_id,
            pg_catalog.format('statement/%s/%s', corrected.tenant_id, corrected.period_start),
            pg_catalog.jsonb_build_object('period_start', corrected.period_start, 'carried_by', corrected.carried_by)
        );
    end loop;
    return null;
end
$$;
create trigger tell after insert on ledger.statement_lines referencing new table as added
for each statement execute function ledger.tell_of_corrections();

create function ledger.tell_of_quota() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform ledger.tell(
        'quota.crossed', new.tenant_id,
        pg_catalog.format('quota/%s/%s/%s', new.tenant_id, new.period_start, new.quota),
        pg_catalog.jsonb_build_object(
            'period_start', new.period_start, 'quota', new.quota, 'threshold_percent', new.threshold
        )
    );
    return null;
end
$$;
create trigger tell after insert on ledger.quota_alerts
for each row when (new.event = 'crossed')
execute function ledger.tell_of_quota();

-- After a build: calls that the marts hold as ended, each once. An endpoint hears of calls that were created after it was, so
-- only pulls of days since then are gone through, and of them those that were built otherwise since they last were.
create function ledger.tell_of_completed_calls(today date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    first_day date;
    chosen bigint[];
    told bigint;
begin
    select greatest(min((e.created_at at time zone 'UTC')::date), today - 400) into first_day
    from control.endpoints as e
    where e.revoked_at is null and 'call.completed' = any(e.event_types);
    if first_day is null then
        return 0;
    end if;
    with due as (
        insert into ledger.pulls_told as t (pull_id, build_key)
        select b.pull_id, b.build_key
        from marts.fct_pulls_built as b
        inner join control.sources as s on b.source = s.source and s.contract = 'calls'
        where b.usage_date >= first_day
        on conflict (pull_id) do update set build_key = excluded.build_key where t.build_key <> excluded.build_key
        returning t.pull_id
    )

    select pg_catalog.array_agg(due.pull_id) into chosen from due;
    with heard as materialized (
        select t.tenant_id, l.endpoint_id, l.tenant_id as endpoint_tenant_id, l.created_at
        from control.tenants as t
        cross join lateral control.listening('call.completed', t.tenant_id) as l
    ),

    since as (
        select h.tenant_id, min(h.created_at) as created_at from heard as h group by h.tenant_id
    ),

    fresh as materialized (
        select c.source, c.account, c.call_id, c.tenant_id, c.agent_id, c.usage_date, c.created_at
        from marts.fct_calls as c
        inner join since as s on c.tenant_id = s.tenant_id and c.created_at >= s.created_at
        where
            c.pull_id = any(chosen)
            and c.outcome not in ('in progress', 'scheduled')
    ),

    marked as (
        insert into ledger.completed_calls as m (source, account, call_id, tenant_id, usage_date)
        select f.source, f.account, f.call_id, f.tenant_id, f.usage_date from fresh as f
        on conflict do nothing
        returning m.source, m.account, m.call_id
    ),

    events as (
        insert into ledger.outgoing_events as o (type, tenant_id, subject, data)
        select
            'call.completed', f.tenant_id, pg_catalog.format('call/%s/%s/%s', f.account, f.source, f.call_id),
            pg_catalog.jsonb_build_object(
                'source', f.source, 'account', f.account, 'call_id', f.call_id, 'usage_date', f.usage_date, 'agent_id',
                f.agent_id
            )
        from fresh as f
        inner join marked as m on f.source = m.source and f.account = m.account and f.call_id = m.call_id
        order by f.created_at, f.call_id
        returning o.event_number, o.tenant_id, o.subject
    ),

    sent as (
        insert into ledger.deliveries (endpoint_id, event_number, tenant_id, subject)
        select h.endpoint_id, e.event_number, h.endpoint_tenant_id, e.subject
        from events as e
        inner join fresh as f on e.subject = pg_catalog.format('call/%s/%s/%s', f.account, f.source, f.call_id)
        inner join heard as h on e.tenant_id = h.tenant_id and f.created_at >= h.created_at
    )

    select count(*) into told from events;
    return told;
end
$$;
comment on function ledger.tell_of_completed_calls(date) is 'Returns how many calls were told; to be called while nobody builds.';

-- After marts and Stripe were compared: what differs now and was not told as it is. What has not been posted or is still
-- settling differs by itself for a while.
create function ledger.tell_of_differences() returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    differing record;
    told bigint := 0;
begin
    delete from ledger.differences_told as d
    where not exists (
        select from marts.fct_reconciliation as r
        where
            r.tenant_id = d.tenant_id and r.meter_id = d.meter_id and r.usage_date = d.usage_date
            and not r.is_equal and r.finding not in ('settling', 'in flight', 'not posted')
    );
    for differing in
        insert into ledger.differences_told as d (tenant_id, meter_id, usage_date, finding, difference)
        select r.tenant_id, r.meter_id, r.usage_date, r.finding, r.difference
        from marts.fct_reconciliation as r
        where
            not r.is_equal
            and r.finding not in ('settling', 'in flight', 'not posted')
            and exists (select from control.listening('posting.differs', r.tenant_id))
        order by r.tenant_id, r.meter_id, r.usage_date
        on conflict (tenant_id, meter_id, usage_date) do update
        set finding = excluded.finding, difference = excluded.difference
        where (d.finding, d.difference) is distinct from (excluded.finding, excluded.difference)
        returning d.tenant_id, d.meter_id, d.usage_date, d.finding
    loop
        perform ledger.tell(
            'posting.differs', differing.tenant_id,
            pg_catalog.format('posting/%s/%s/%s', differing.tenant_id, differing.meter_id, differing.usage_date),
            pg_catalog.jsonb_build_object(
                'meter_id', differing.meter_id, 'usage_date', differing.usage_date, 'finding', differing.finding
            )
        );
        told := told + 1;
    end loop;
    return told;
end
$$;
comment on function ledger.tell_of_differences() is 'Returns how many differences were told; to be called while nobody builds.';

-- Events are kept until all deliveries have ended, and some weeks after that, so that they can be replayed.
create function ledger.forget_outgoing(today date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    gone bigint;
begin
    delete from ledger.outgoing_events as o
    where
        o.happened_at < today - 90
        and not exists (
            select from ledger.deliveries as d where d.event_number = o.event_number and d.state = 'waiting'
        );
    get diagnostics gone = row_count;
    delete from ledger.alerts as a where a.resolved_at < today - 400;
    delete from ledger.completed_calls as c where c.usage_date < today - 435;
    delete from ledger.pulls_told as t using ledger.pulls as p
    where t.pull_id = p.pull_id and (p.state <> 'published' or p.usage_date < today - 435);
    return gone;
end
$$;
comment on function ledger.forget_outgoing(date) is 'Deletes events of more than 90 days ago that wait for nobody; returns how many.';

create function ledger.erase_outgoing(of_tenant text) returns void
language sql security definer set search_path = '' as $$
    update control.endpoints set host = '', ciphertext = '', revoked_at = coalesce(revoked_at, pg_catalog.now())
    where tenant_id = of_tenant and ciphertext <> '';
    delete from ledger.outgoing_events where tenant_id = of_tenant;
    delete from ledger.alerts where tenant_id = of_tenant;
    delete from ledger.completed_calls where tenant_id = of_tenant
$$;
comment on function ledger.erase_outgoing(text) is 'Takes a tenant''s endpoints, events and deliveries away; safe to repeat.';

revoke execute on function
control.listening(text, text), ledger.tell(text, text, text, jsonb, text), ledger.tell_of_pull(),
ledger.tell_of_period(), ledger.tell_of_corrections(), ledger.tell_of_quota(), ledger.tell_of_completed_calls(date),
ledger.tell_of_differences(), ledger.forget_outgoing(date), ledger.erase_outgoing(text)
from public;
grant execute on function ledger.tell(text, text, text, jsonb, text) to minutebook_operator;
grant execute on function ledger.tell_of_completed_calls(date), ledger.tell_of_differences() to minutebook_transformer;
grant execute on function ledger.forget_outgoing(date), ledger.erase_outgoing(text) to minutebook_operator;
grant select, insert, update (revoked_at, ciphertext) on control.endpoints to minutebook_operator;
grant select on ledger.outgoing_events to minutebook_operator;
grant
select, update (state, attempts, next_attempt_at, first_attempted_at, attempted_at, last_status, fault)
on ledger.deliveries
to minutebook_operator;
grant select, insert, update on ledger.endpoint_states to minutebook_operator;
grant select, insert, update (level, title, fix, path, changed_at, resolved_at) on ledger.alerts to minutebook_operator;
