create table ledger.attempts (
    attempt_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    trigger text not null check (trigger in ('schedule', 'backfill', 'cli')),
    run_id text
);
comment on table ledger.attempts is
'One process reading providers. While it lives it holds the session advisory lock (classid 7733, objid attempt_id);'
' so a claim of a dead process is told from one that is still at work.';

create table ledger.pulls (
    pull_id bigint generated always as identity primary key,
    attempt_id bigint not null references ledger.attempts,
    source text not null check (source in ('vapi', 'voiceflow', 'usage_metrics')),
    account text not null,
    tenant_id text references control.tenants,
    usage_date date not null,
    state text not null default 'reading'
    check (state in ('reading', 'published', 'superseded', 'unchanged', 'failed')),
    is_incomplete boolean not null default false,
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
    check (account = coalesce(tenant_id, 'platform')),
    check ((state = 'failed') = (cause is not null)),
    check ((state = 'unchanged') = (confirms_pull_id is not null)),
    check ((state = 'reading') = (closed_at is null))
);
create unique index pulls_one_current on ledger.pulls (source, account, usage_date) where state = 'published';
create unique index pulls_one_reading on ledger.pulls (source, account, usage_date) where state = 'reading';
create index pulls_of_a_day on ledger.pulls (source, account, usage_date, pull_id);
comment on table ledger.pulls is
'One attempt to read one account, source and usage date. Only rows of published pulls are read by anybody.'
' An account is a tenant''s own, or the platform''s (tenant_id is null), whose calls dbt routes to tenants.';

create table ledger.periods (
    tenant_id text not null references control.tenants,
    period_start date not null,
    period_end date not null,
    state text not null default 'open' check (state in ('open', 'in_review', 'approved', 'closed')),
    changed_at timestamptz not null default now(),
    changed_by text not null default current_user,
    reason text,
    manifest_hash text,
    primary key (tenant_id, period_start),
    check (period_end > period_start),
    check ((state in ('approved', 'closed')) = (manifest_hash is not null))
);
comment on table ledger.periods is 'A period without a row is open. Half-open [period_start, period_end).';

create table ledger.statement_lines (
    line_id text primary key,
    tenant_id text not null,
    period_start date not null,
    line_kind text not null check (
        line_kind in ('setup', 'subscription', 'overage', 'minimum', 'adjustment', 'credit')
    ),
    meter_id text,
    quantity bigint,
    unit text,
    amount numeric not null,
    currency text not null,
    service_period_start date not null,
    service_period_end date not null,
    corrects_line_id text,
    inputs jsonb not null,
    frozen_at timestamptz not null default now(),
    foreign key (tenant_id, period_start) references ledger.periods
);
comment on table ledger.statement_lines is
'Lines frozen at approval, with the inputs that explain them. Never updated; the audit log keeps those of a reopening.';

create table ledger.audit_log (
    entry_id bigint generated always as identity primary key,
    happened_at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    object_table text not null,
    tenant_id text,
    before jsonb,
    after jsonb
);
comment on table ledger.audit_log is 'Who changed what, before and after; never a secret. Insert only.';

create function ledger.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
    raise exception '%.% is insert only', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger insert_only before update or delete or truncate on ledger.audit_log
for each statement execute function ledger.refuse_change();

create function ledger.record_audit() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - 'ciphertext' - 'wrapped_key' end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'ciphertext' - 'wrapped_key' end;
begin
    insert into ledger.audit_log (actor, action, object_table, tenant_id, before, after)
    values (
        coalesce(nullif(current_setting('minutebook.actor', true), ''), session_user),
        lower(tg_op),
        tg_table_schema || '.' || tg_table_name,
        coalesce(new_row, old_row) ->> 'tenant_id',
        old_row,
        new_row
    );
    return null;
end
$$;

-- What the marts were built from is compared with what is: a counter moves with every change of control data.
create table control.revision (
    is_only_row boolean primary key default true check (is_only_row),
    revision bigint not null default 0
);
insert into control.revision default values;

create function control.advance_revision() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    update control.revision set revision = revision + 1;
    return null;
end
$$;

do $$
declare
    table_name text;
begin
    for table_name in
        select c.relname from pg_class as c
        where c.relnamespace = 'control'::regnamespace and c.relkind = 'r' and c.relname <> 'revision'
    loop
        execute format(
            'create trigger audit after insert or update or delete on control.%I '
            'for each row execute function ledger.record_audit()', table_name
        );
        execute format(
            'create trigger advance_revision after insert or update or delete on control.%I '
            'for each statement execute function control.advance_revision()', table_name
        );
    end loop;
end
$$;
create trigger audit after insert or update or delete on ledger.periods
for each row execute function ledger.record_audit();
create trigger audit after insert or delete on ledger.statement_lines
for each row execute function ledger.record_audit();
create trigger advance_revision after insert or update or delete on ledger.periods
for each statement execute function control.advance_revision();
