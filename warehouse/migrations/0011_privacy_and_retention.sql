-- Raw is append only. What may change all the same is here: what is personal or of no contract is taken out, and the database
-- proves that every fact stays as told; and rows that nobody reads are purged.

-- What a call's answer holds beyond what money needs: the caller's number and, where kept, what was said. It goes after the
-- tenant's retention period, or when the tenant is erased; costs, times and ids stay, so every line stays explainable.
create table control.retention_periods (
    tenant_id text primary key references control.tenants,
    personal_days int not null check (personal_days > 0)
);
comment on table control.retention_periods is
'Days after its usage date that personal data of a tenant''s usage is kept; without a row it is kept until it is erased.';
create trigger audit after insert or update or delete on control.retention_periods
for each row execute function ledger.record_audit();

-- What a tenant wants stored of what is personal, kind by kind; applied when calls land, and to those that stand already.
create table control.personal_choices (
    tenant_id text primary key references control.tenants,
    phone_numbers text not null default 'kept' check (phone_numbers in ('kept', 'redacted', 'never')),
    transcripts text not null default 'never' check (transcripts in ('kept', 'redacted', 'never')),
    recordings text not null default 'never' check (recordings in ('kept', 'redacted', 'never')),
    chosen_at timestamptz not null default clock_timestamp()
);
comment on table control.personal_choices is
'A tenant without a row has the defaults. phone_numbers: who was on the line, by number, name or address.';
create trigger audit after insert or update or delete on control.personal_choices
for each row execute function ledger.record_audit();

create table ledger.personal_choices_applied (
    tenant_id text primary key references control.tenants,
    chosen_at timestamptz not null,
    applied_at timestamptz not null default clock_timestamp(),
    rows_changed bigint not null
);
comment on table ledger.personal_choices_applied is
'Which choice of a tenant has been applied to its calls that stood when it was made. Behind control.personal_choices: due.';
create trigger audit after insert or update or delete on ledger.personal_choices_applied
for each row execute function ledger.record_audit();

-- A call that routes to another tenant, or to nobody, was stored as its former tenant chose: whoever an id was ever attached to
-- has its choice applied again, and with it the calls that are another's now get what that one chose.
create function control.have_choices_applied_again() returns trigger
language plpgsql set search_path = '' as $$
declare
    involved text[];
begin
    select pg_catalog.array_agg(distinct a.tenant_id) into involved
    from control.agent_attachments as a
    where a.kind = new.kind and a.value = new.value and a.tenant_id is not null;
    if tg_op = 'UPDATE' and old.tenant_id <> all(involved) then
        involved := involved || old.tenant_id;
    end if;
    if pg_catalog.cardinality(involved) > 1 or new.tenant_id is null then
        insert into control.personal_choices (tenant_id) select pg_catalog.unnest(involved)
        on conflict (tenant_id) do update set chosen_at = pg_catalog.clock_timestamp();
    end if;
    return null;
end
$$;
create trigger have_choices_applied_again after insert or update on control.agent_attachments
for each row execute function control.have_choices_applied_again();

create function ledger.without_personal_data(payload json, kept text[]) returns json
language sql immutable set search_path = '' as $$
    select coalesce(pg_catalog.json_object_agg(part.key, part.value order by part.place), '{}')
    from pg_catalog.json_each(payload) with ordinality as part (key, value, place)
    where part.key = any(kept)
$$;

create function ledger.raw_table_of(of_source text) returns text
language plpgsql stable set search_path = '' as $$
declare
    found text;
begin
    select pg_catalog.format('%I.%I', s.raw_schema, s.raw_table) into found from control.sources as s where s.source = of_source;
    if found is null then
        raise exception 'there is no source %', of_source;
    end if;
    return found;
end
$$;
comment on function ledger.raw_table_of(text) is 'Where the rows of a source stand, as SQL.';

-- What the marts hold of what was said goes in the transaction in which its source goes, and the days are made again from what
-- is left. No build runs meanwhile: it could have read what goes now. Whoever takes something out waits for one that does.
create function ledger.forget_results(of_source text, of_accounts text[], of_dates date[], of_calls text[]) returns void
language plpgsql set search_path = '' as $$
declare
    derived text;
begin
    if pg_catalog.to_regclass('marts.fct_call_results') is null then
        return;
    end if;
    foreach derived in array array['marts.fct_call_results', 'marts.fct_call_texts'] loop
        execute pg_catalog.format(
            'delete from %s as d using unnest($2, $3, $4) as gone (account, usage_date, call_id)'
            ' where d.source = $1 and d.account = gone.account and d.usage_date = gone.usage_date and d.call_id = gone.call_id',
            derived
        ) using of_source, of_accounts, of_dates, of_calls;
    end loop;
    update marts.fct_pulls_built as b set results_key = null
    where
        b.source = of_source
        and (b.account, b.usage_date) in (select gone.account, gone.usage_date from unnest(of_accounts, of_dates) as gone (account, usage_date));
end
$$;
comment on function ledger.forget_results is 'Takes out of the marts what they hold of what was said in these calls.';

create function ledger.forget_results_of_rows(of_source text, raw_table text, row_ids tid[]) returns void
language plpgsql set search_path = '' as $$
declare
    gone record;
begin
    if not exists (select from control.sources as s where s.source = of_source and s.contract = 'calls') then
        return;
    end if;
    perform pg_catalog.pg_advisory_xact_lock_shared(7734, 0);
    execute pg_catalog.format(
        'select array_agg(r.account) as accounts, array_agg(r.usage_date) as dates, array_agg(r.call_id) as calls'
        ' from %s as r where r.ctid = any($1)', raw_table
    ) into gone using row_ids;
    perform ledger.forget_results(of_source, gone.accounts, gone.dates, gone.calls);
end
$$;
comment on function ledger.forget_results_of_rows is 'The same for the calls of rows of raw, before these are changed.';

-- Raw is append only: the one change that is allowed takes personal data out, and proves that every fact stayed as it was.
-- Rows are named by where they are; one that moved meanwhile is left alone.
create function ledger.minimise_payloads(of_source text, row_ids tid[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' set lock_timeout = '10min' as $$
declare
    raw_table constant text := ledger.raw_table_of(of_source);
    facts constant text[] := (select s.facts from control.sources as s where s.source = of_source);
    wrong bigint;
    changed bigint;
begin
    execute pg_catalog.format(
        'select count(*) from unnest($1, $2) as wanted (row_id, payload)'
        ' inner join %s as r on r.ctid = wanted.row_id'
        ' where ledger.without_personal_data(wanted.payload, $3)::text'
        ' <> ledger.without_personal_data(r.payload, $3)::text', raw_table
    ) into wrong using row_ids, minimised, facts;
    if wrong > 0 then
        raise exception 'a fact of % would change: only what is personal may be taken out', of_source;
    end if;
    perform ledger.forget_results_of_rows(of_source, raw_table, row_ids);
    execute pg_catalog.format(
        'update %s as r set payload = wanted.payload'
        ' from unnest($1, $2) as wanted (row_id, payload) where r.ctid = wanted.row_id', raw_table
    ) using row_ids, minimised;
    get diagnostics changed = row_count;
    return changed;
end
$$;

create function ledger.record_recording_use(of_tenant text, of_source text, of_call text) returns void
language sql security definer set search_path = '' as $$
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    values (
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'listen', 'marts.fct_calls',
        of_tenant, pg_catalog.jsonb_build_object('source', of_source, 'call_id', of_call)
    )
$$;
comment on function ledger.record_recording_use is 'Called whenever a recording is asked for, before it is.';

-- For an operator who looks into one call: the marts hold what is understood of it, and raw what was answered.
create function ledger.stored_call(of_tenant text, of_source text, on_date date, of_call text) returns json
language plpgsql security definer set search_path = '' as $$
declare
    known record;
    stored json;
begin
    select c.account, c.pull_id into known
    from marts.fct_calls as c
    where c.tenant_id = of_tenant and c.usage_date = on_date and c.source = of_source and c.call_id = of_call
    order by c.pull_id desc
    limit 1;
    if known is null then
        return null;
    end if;
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    values (
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'read', 'raw', of_tenant,
        pg_catalog.jsonb_build_object('source', of_source, 'call_id', of_call)
    );
    execute pg_catalog.format(
        'select r.payload from %s as r inner join ledger.pulls as p on r.pull_id = p.pull_id'
        ' where p.source = $1 and p.account = $2 and p.usage_date = $3'
        ' and (p.pull_id = $4 or p.holds_results and p.confirms_pull_id = $4) and r.call_id = $5'
        ' order by r.pull_id desc limit 1',
        ledger.raw_table_of(of_source)
    ) into stored using of_source, known.account, on_date, known.pull_id, of_call;
    return stored;
end
$$;
comment on function ledger.stored_call is 'The JSON of a call of a tenant as it was last stored; who asked is in the audit log.';

create function ledger.forget_personal_data(of_tenant text, before_date date) returns bigint
language plpgsql security definer set search_path = '' set lock_timeout = '10min' as $$
declare
    raw record;
    gone bigint;
    forgotten bigint := 0;
    by_source jsonb := '{}';
    called record;
begin
    perform pg_catalog.pg_advisory_xact_lock_shared(7734, 0);
    for raw in
        select
            s.source as name,
            s.contract = 'calls' as is_of_calls,
            s.facts,
            pg_catalog.format('%I.%I', s.raw_schema, s.raw_table) as raw_table
        from control.sources as s
        order by s.source
    loop
        execute pg_catalog.format(
            'with gone as ('
            'update %s as r set payload = ledger.without_personal_data(r.payload, $3)'
            ' where r.usage_date < $2 and (r.tenant_id = $1%s)'
            ' and exists (select from pg_catalog.json_object_keys(r.payload) as part (key) where part.key <> all($3))'
            ' returning r.account, r.usage_date, %s as call_id)'
            ' select count(*) as rows, array_agg(account) as accounts, array_agg(usage_date) as dates,'
            ' array_agg(call_id) as calls from gone',
            raw.raw_table,
            case when raw.is_of_calls then
                ' or r.tenant_id is null and exists (select from marts.fct_calls as routed where routed.tenant_id = $1'
                ' and routed.source = $4 and routed.account = r.account and routed.usage_date = r.usage_date'
                ' and routed.call_id = r.call_id)'
            else '' end,
            case when raw.is_of_calls then 'r.call_id' else 'null::text' end
        ) into called using of_tenant, before_date, raw.facts, raw.name;
        gone := called.rows;
        if gone > 0 and raw.is_of_calls then
            perform ledger.forget_results(raw.name, called.accounts, called.dates, called.calls);
        end if;
        forgotten := forgotten + gone;
        by_source := by_source || pg_catalog.jsonb_build_object(raw.name, gone);
    end loop;
    gone := intake.forget_personal_data(of_tenant, before_date);
    forgotten := forgotten + gone;
    by_source := by_source || pg_catalog.jsonb_build_object('pushed', gone);
    gone := ledger.forget_automations_of(of_tenant, before_date);
    forgotten := forgotten + gone;
    by_source := by_source || pg_catalog.jsonb_build_object('automations', gone);
    if forgotten > 0 then
        insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
        values (
            coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'forget', 'raw',
            of_tenant, pg_catalog.jsonb_build_object('before', before_date, 'rows', by_source)
        );
    end if;
    return forgotten;
end
$$;

-- Rows that landed under an earlier contract may hold more than today's: a command takes it out, and writes down that it did.
create table ledger.cleanings (
    cleaning_id bigint generated always as identity primary key,
    cleaned_at timestamptz not null default clock_timestamp(),
    rows_changed bigint not null
);
comment on table ledger.cleanings is 'When all raw rows that stood were brought to the fields of their contract.';
-- Nothing has landed yet, so nothing has to be cleaned.
insert into ledger.cleanings (rows_changed) values (0);
create trigger audit after insert or update or delete on ledger.cleanings
for each row execute function ledger.record_audit();

create function ledger.money_of_items(items json) returns text
language sql immutable set search_path = '' as $$
    select pg_catalog.json_agg(pg_catalog.json_build_array(i.item -> 'type', i.item -> 'cost') order by i.place)::text
    from pg_catalog.json_array_elements(case when pg_catalog.json_typeof(items) = 'array' then items end)
    with ordinality as i (item, place)
$$;
comment on function ledger.money_of_items(json) is 'Kind and cost of each cost item, digit for digit, in order.';

create function ledger.is_payload_without_more(standing json, cleaned json, facts text[]) returns boolean
language sql immutable set search_path = '' as $$
    select
        standing::jsonb @> cleaned::jsonb
        and ledger.money_of_items(standing -> 'costs') is not distinct from ledger.money_of_items(cleaned -> 'costs')
        and not exists (
            select from pg_catalog.json_each(standing) as was
            left join pg_catalog.json_each(cleaned) as is_now on was.key = is_now.key
            where
                was.key = any(facts)
                and (
                    is_now.value is null
                    or (
                        pg_catalog.json_typeof(was.value) not in ('object', 'array')
                        and was.value::text <> is_now.value::text
                    )
                )
        )
$$;
comment on function ledger.is_payload_without_more(json, json, text[]) is
'Whether the second payload is the first one less members of objects, each fact and each cost item digit for digit.';

-- What is allowed here takes members out of objects and changes nothing, and no fact of money may go.
-- Rows are named by where they are: a payload that is cleaned must not get into a log of statements.
create function ledger.clean_payloads(of_source text, row_ids tid[], cleaned json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    raw_table constant text := ledger.raw_table_of(of_source);
    facts constant text[] := (select s.facts from control.sources as s where s.source = of_source);
    wrong bigint;
    changed bigint;
begin
    execute pg_catalog.format(
        'select count(*) from unnest($1, $2) as wanted (row_id, cleaned)'
        ' inner join %s as r on r.ctid = wanted.row_id'
        ' where not ledger.is_payload_without_more(r.payload, wanted.cleaned, $3)', raw_table
    ) into wrong using row_ids, cleaned, facts;
    if wrong > 0 then
        raise exception 'a fact of % would change: only what is of no contract may be taken out', of_source;
    end if;
    execute pg_catalog.format(
        'update %s as r set payload = wanted.cleaned'
        ' from unnest($1, $2) as wanted (row_id, cleaned) where r.ctid = wanted.row_id', raw_table
    ) using row_ids, cleaned;
    get diagnostics changed = row_count;
    return changed;
end
$$;

-- What was restated stays until it is purged: rows of superseded pulls, and what failed and unchanged pulls landed. Not what is
-- current, and not what was current when a line was frozen: that is how a bill of then is explained.
create function ledger.explains_a_frozen_line(of_pull ledger.pulls) returns boolean
language sql stable set search_path = '' as $$
    select exists (
        select from ledger.statement_lines as l
        where
            (of_pull.tenant_id is null or of_pull.tenant_id = l.tenant_id)
            and of_pull.usage_date >= l.service_period_start
            and of_pull.usage_date < l.service_period_end
            and of_pull.closed_at <= l.frozen_at
            and not exists (
                select from ledger.pulls as later
                where
                    later.source = of_pull.source
                    and later.account = of_pull.account
                    and later.usage_date = of_pull.usage_date
                    and later.state in ('published', 'superseded')
                    and later.pull_id > of_pull.pull_id
                    and later.closed_at <= l.frozen_at
            )
    )
$$;
comment on function ledger.explains_a_frozen_line is
'Whether a superseded pull was current when a line about its usage date was frozen.';

-- What bills nothing explains no line, and what nobody reads of it is purged whatever was frozen.
create view ledger.unread_pulls with (security_invoker = true) as
select
    p.pull_id,
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    p.state,
    p.closed_at,
    p.state = 'superseded' and s.bills and ledger.explains_a_frozen_line(p) as is_needed
from ledger.pulls as p
inner join control.sources as s on p.source = s.source
where p.state in ('superseded', 'failed', 'unchanged') and p.purged_at is null and not ledger.holds_current_results(p);
comment on view ledger.unread_pulls is 'Pulls whose raw rows nobody reads; is_needed: kept, because a frozen line is explained by it.';

-- What was read of a day before it was over tells nobody anything once the whole day was read.
create function ledger.was_in_progress(p ledger.pulls) returns boolean language sql stable as $$
    select p.is_in_progress and exists (
        select from ledger.pulls as n
        where
            n.source = p.source
            and n.account = p.account
            and n.usage_date = p.usage_date
            and n.state = 'published'
            and not n.is_in_progress
    )
$$;
comment on function ledger.was_in_progress(ledger.pulls) is
'Whether a pull read a day in progress that was read again when it was over: its rows go at once.';

-- The only way to delete what was published: whoever calls it cannot name a row, only an age and a number.
create function ledger.purge_raw(closed_before timestamptz, at_most int)
returns table (source text, pulls bigint, raw_rows bigint)
language plpgsql security definer set search_path = '' as $$
declare
    raw record;
    chosen bigint[];
    gone bigint;
begin
    if closed_before > pg_catalog.clock_timestamp() - interval '1 day' then
        raise exception 'rows of a pull are kept for a day at least' using errcode = 'invalid_parameter_value';
    end if;
    for raw in
        select s.source as name, s.bills, pg_catalog.format('%I.%I', s.raw_schema, s.raw_table) as raw_table
        from control.sources as s
        order by s.source
    loop
        select array(
            select p.pull_id from ledger.pulls as p
            where
                p.source = raw.name
                and p.state in ('superseded', 'failed', 'unchanged')
                and p.purged_at is null
                and (p.closed_at < closed_before or ledger.was_in_progress(p))
                and not ledger.holds_current_results(p)
                and not (p.state = 'superseded' and raw.bills and ledger.explains_a_frozen_line(p))
            order by p.closed_at
            limit 500
            for update skip locked
        ) into chosen;
        execute pg_catalog.format(
            'delete from %s where ctid = any(array(select ctid from %1$s where pull_id = any($1) limit $2))', raw.raw_table
        ) using chosen, at_most;
        get diagnostics gone = row_count;
        if gone < at_most then
            update ledger.pulls as p set purged_at = pg_catalog.clock_timestamp() where p.pull_id = any(chosen);
            pulls := pg_catalog.cardinality(chosen);
        else
            pulls := 0;
        end if;
        source := raw.name;
        raw_rows := gone;
        return next;
    end loop;
end
$$;
comment on function ledger.purge_raw is
'Deletes at most so many raw rows of each source, of unread pulls closed before then; to be repeated until nothing is gone.';
