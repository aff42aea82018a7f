-- Workflows that Minutebook runs itself, for tenants whose feature flag names them: which call began which run, and the states of
-- their threads. The tables of states are those of langgraph-checkpoint-postgres, made here so that whoever runs workflows
-- can make no table, and reads and writes nothing but the threads of the tenant that it works for.
create schema automations;
comment on schema automations is 'States of workflows, as LangGraph keeps them. Whose a thread is, is the first part of its id.';

create table automations.checkpoint_migrations (v integer primary key);
insert into automations.checkpoint_migrations (v)
select made.v from generate_series(0, 9) as made (v);

create table automations.checkpoints (
    thread_id text not null,
    checkpoint_ns text not null default '',
    checkpoint_id text not null,
    parent_checkpoint_id text,
    type text,
    checkpoint jsonb not null,
    metadata jsonb not null default '{}',
    primary key (thread_id, checkpoint_ns, checkpoint_id)
);
create table automations.checkpoint_blobs (
    thread_id text not null,
    checkpoint_ns text not null default '',
    channel text not null,
    version text not null,
    type text not null,
    blob bytea,
    primary key (thread_id, checkpoint_ns, channel, version)
);
create table automations.checkpoint_writes (
    thread_id text not null,
    checkpoint_ns text not null default '',
    checkpoint_id text not null,
    task_id text not null,
    idx integer not null,
    channel text not null,
    type text,
    blob bytea not null,
    task_path text not null default '',
    primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);
create index checkpoints_thread_id_idx on automations.checkpoints (thread_id);
create index checkpoint_blobs_thread_id_idx on automations.checkpoint_blobs (thread_id);
create index checkpoint_writes_thread_id_idx on automations.checkpoint_writes (thread_id);

create table ledger.automation_runs (
    thread_id text primary key
    generated always as (tenant_id || '/' || automation || '/' || account || '/' || source || '/' || call_id) stored,
    tenant_id text not null references control.tenants,
    automation text not null check (automation ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    account text not null,
    source text not null,
    call_id text not null,
    usage_date date not null,
    version text,
    state text not null default 'open' check (state in ('open', 'done', 'failed', 'ended')),
    due_at timestamptz default 'epoch',
    attempts int not null default 0,
    question text,
    question_id text,
    answer text,
    fault text,
    created_at timestamptz not null default clock_timestamp(),
    begun_at timestamptz,
    ended_at timestamptz,
    unique (tenant_id, automation, account, source, call_id),
    check (state = 'open' or due_at is null)
);
create index automation_runs_due on ledger.automation_runs (tenant_id, due_at) where state = 'open';
create index automation_runs_by_end on ledger.automation_runs (ended_at);
comment on table ledger.automation_runs is
'Each call once for each automation that follows it, whatever is pulled or built again, and whichever version of it there is.';
comment on column ledger.automation_runs.version is 'Of the automation, as it was when this one began.';
comment on column ledger.automation_runs.due_at is
'When it goes on; whoever takes it sets it to when another may. Empty: it waits for a person, or is over.';
comment on column ledger.automation_runs.question is 'What a person is asked before it goes on; answer: what was said, until it went on.';
comment on column ledger.automation_runs.question_id is 'Where in the thread it is asked, so that an answer is never taken for another question''s.';
comment on column ledger.automation_runs.fault is 'The kind of the last fault, never what it said: that may hold what the caller said.';

do $$
declare
    table_name text;
begin
    foreach table_name in array array['checkpoints', 'checkpoint_blobs', 'checkpoint_writes'] loop
        execute format('alter table automations.%I enable row level security', table_name);
        execute format('alter table automations.%I force row level security', table_name);
        execute format(
            'create policy owner on automations.%I to current_user using (true) with check (true)', table_name
        );
        execute format(
            'create policy of_its_tenant on automations.%I to minutebook_automations'
            ' using (split_part(thread_id, ''/'', 1) = (select current_setting(''minutebook.tenant_id'', true)))'
            ' with check (split_part(thread_id, ''/'', 1) = (select current_setting(''minutebook.tenant_id'', true)))',
            table_name
        );
        -- They are metered like any workflows.
        execute format('create policy metering on automations.%I for select to minutebook_loader using (true)', table_name);
        execute format('grant select, insert, update on automations.%I to minutebook_automations', table_name);
        execute format('grant select on automations.%I to minutebook_loader', table_name);
    end loop;
end
$$;
alter table ledger.automation_runs enable row level security;
alter table ledger.automation_runs force row level security;
create policy owner on ledger.automation_runs to current_user using (true) with check (true);
create policy processes on ledger.automation_runs to minutebook_operator using (true) with check (true);

-- The one lock that a workflow's process may take: of a thread, until its session ends.
create function automations.lock_thread(of_thread text) returns boolean
language sql security definer set search_path = '' as $$
    select pg_catalog.pg_try_advisory_lock(7745, pg_catalog.hashtext(of_thread))
$$;
create function automations.unlock_thread(of_thread text) returns boolean
language sql security definer set search_path = '' as $$
    select pg_catalog.pg_advisory_unlock(7745, pg_catalog.hashtext(of_thread))
$$;

-- After a build: calls that the marts hold as ended, of tenants whose flag names an automation and the day from which it follows
-- calls. A call that is read more than three days late is followed by nothing: nobody is called back for a backfill.
create function ledger.begin_automation_runs(today date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    begun bigint := 0;
begin
    if not exists (
        select from control.tenants as t
        where pg_catalog.jsonb_typeof(t.feature_flags -> 'automations') = 'object'
    ) then
        return 0;
    end if;
    insert into ledger.automation_runs (tenant_id, automation, account, source, call_id, usage_date)
    select t.tenant_id, f.key, c.account, c.source, c.call_id, c.usage_date
    from control.tenants as t
    cross join lateral pg_catalog.jsonb_each_text(
        case when pg_catalog.jsonb_typeof(t.feature_flags -> 'automations') = 'object'
            then t.feature_flags -> 'automations' else '{}'
        end
    ) as f (key, value)
    inner join marts.fct_calls as c
        on t.tenant_id = c.tenant_id and c.usage_date between greatest(f.value::date, today - 3) and today
    where not t.is_canary and c.outcome not in ('in progress', 'scheduled')
    on conflict do nothing;
    get diagnostics begun = row_count;
    return begun;
end
$$;
comment on function ledger.begin_automation_runs(date) is 'Returns how many were written down; to be called while nobody builds.';

-- States are kept for 90 days after the end; that a call was followed, for as long as a day can be read again.
create function ledger.forget_automations(today date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    gone bigint;
begin
    gone := ledger.forget_threads(
        array(select r.thread_id from ledger.automation_runs as r where r.ended_at < today - 90)
    );
    delete from ledger.automation_runs as r where r.usage_date < today - 435 and r.state <> 'open';
    return gone;
end
$$;
create function ledger.forget_threads(threads text[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    gone bigint;
begin
    delete from automations.checkpoint_writes where thread_id = any(threads);
    delete from automations.checkpoint_blobs where thread_id = any(threads);
    delete from automations.checkpoints where thread_id = any(threads);
    get diagnostics gone = row_count;
    update ledger.automation_runs set question = null, answer = null
    where thread_id = any(threads) and (question is not null or answer is not null);
    return gone;
end
$$;
-- What a workflow still holds of a call that is forgotten goes with it, and it goes on no more.
create function ledger.forget_automations_of(of_tenant text, before_date date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    threads constant text[] := array(
        select r.thread_id from ledger.automation_runs as r
        where r.tenant_id = of_tenant and r.usage_date < before_date
    );
begin
    update ledger.automation_runs
    set state = 'ended', due_at = null, ended_at = pg_catalog.now(), fault = 'its call was forgotten'
    where thread_id = any(threads) and state in ('open', 'failed');
    return ledger.forget_threads(threads);
end
$$;
create function ledger.erase_automations(of_tenant text) returns void
language sql security definer set search_path = '' as $$
    delete from automations.checkpoint_writes where pg_catalog.split_part(thread_id, '/', 1) = of_tenant;
    delete from automations.checkpoint_blobs where pg_catalog.split_part(thread_id, '/', 1) = of_tenant;
    delete from automations.checkpoints where pg_catalog.split_part(thread_id, '/', 1) = of_tenant;
    delete from ledger.automation_runs where tenant_id = of_tenant
$$;
comment on function ledger.erase_automations(text) is 'Takes a tenant''s runs and what they held away; safe to repeat.';

revoke execute on function
automations.lock_thread(text), automations.unlock_thread(text), ledger.begin_automation_runs(date),
ledger.forget_automations(date), ledger.forget_threads(text[]), ledger.forget_automations_of(text, date),
ledger.erase_automations(text)
from public;
grant usage on schema automations to minutebook_automations, minutebook_loader;
grant select on automations.checkpoint_migrations to minutebook_automations, minutebook_loader;
grant execute on function automations.lock_thread(text), automations.unlock_thread(text) to minutebook_automations;
grant execute on function ledger.begin_automation_runs(date) to minutebook_transformer;
grant execute on function ledger.forget_automations(date), ledger.erase_automations(text) to minutebook_operator;
grant
select, update (version, state, due_at, attempts, question, question_id, answer, fault, begun_at, ended_at)
on ledger.automation_runs
to minutebook_operator;
