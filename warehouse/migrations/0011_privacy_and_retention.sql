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

create function ledger.without_personal_data(payload json, kept text[]) returns json
language sql immutable set search_path = '' as $$
    select coalesce(pg_catalog.json_object_agg(part.key, part.value order by part.place), '{}')
    from pg_catalog.json_each(payload) with ordinality as part (key, value, place)
    where part.key = any(kept)
$$;

create function ledger.facts_of_a_call() returns text[]
language sql immutable set search_path = '' as $$
    select array[
        'id', 'orgId', 'type', 'status', 'endedReason', 'assistantId', 'phoneNumberId', 'createdAt', 'updatedAt',
        'startedAt', 'endedAt', 'cost', 'costs', 'costBreakdown'
    ]
$$;
comment on function ledger.facts_of_a_call() is
'What dbt, the content hash and Vapi''s support need of a call: no choice and no retention period touches it.';

create function ledger.facts_of_a_transcript() returns text[]
language sql immutable set search_path = '' as $$
    select array[
        'id', 'projectID', 'environmentID', 'environmentAlias', 'version', 'createdAt', 'updatedAt', 'expiresAt',
        'endedAt'
    ]
$$;
comment on function ledger.facts_of_a_transcript() is
'When a conversation was and with what: no choice and no retention period touches it.';

-- The platform may write anything into a metric's metadata: a tenant's choice reaches it as it reaches a call.
create function ledger.facts_of_a_metric() returns text[]
language sql immutable set search_path = '' as $$
    select array['agent_id', 'metric_type', 'quantity', 'cost_usd', 'created_at']
$$;
comment on function ledger.facts_of_a_metric() is
'Whose, of what, how much, at what cost and when: no choice touches it.';

create function ledger.minimise_calls(of_pulls bigint[], of_calls text[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    facts constant text[] := ledger.facts_of_a_call();
    changed bigint;
begin
    if exists (
        select from unnest(of_pulls, of_calls, minimised) as wanted (pull_id, call_id, payload)
        inner join raw_vapi.calls as c on wanted.pull_id = c.pull_id and wanted.call_id = c.call_id
        where
            ledger.without_personal_data(wanted.payload, facts)::text
            <> ledger.without_personal_data(c.payload, facts)::text
    ) then
        raise exception 'a fact of a call would change: only what is personal may be taken out';
    end if;
    update raw_vapi.calls as c set payload = wanted.payload
    from unnest(of_pulls, of_calls, minimised) as wanted (pull_id, call_id, payload)
    where wanted.pull_id = c.pull_id and wanted.call_id = c.call_id;
    get diagnostics changed = row_count;
    return changed;
end
$$;

create function ledger.minimise_transcripts(of_pulls bigint[], of_transcripts text[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    facts constant text[] := ledger.facts_of_a_transcript();
    changed bigint;
begin
    if exists (
        select from unnest(of_pulls, of_transcripts, minimised) as wanted (pull_id, transcript_id, payload)
        inner join raw_voiceflow.transcripts as t
            on wanted.pull_id = t.pull_id and wanted.transcript_id = t.transcript_id
        where
            ledger.without_personal_data(wanted.payload, facts)::text
            <> ledger.without_personal_data(t.payload, facts)::text
    ) then
        raise exception 'a fact of a transcript would change: only what is personal may be taken out';
    end if;
    update raw_voiceflow.transcripts as t set payload = wanted.payload
    from unnest(of_pulls, of_transcripts, minimised) as wanted (pull_id, transcript_id, payload)
    where wanted.pull_id = t.pull_id and wanted.transcript_id = t.transcript_id;
    get diagnostics changed = row_count;
    return changed;
end
$$;

create function ledger.minimise_metrics(of_pulls bigint[], standing text[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    facts constant text[] := ledger.facts_of_a_metric();
    changed bigint;
begin
    if exists (
        select from unnest(standing, minimised) as wanted (standing, payload)
        where
            ledger.without_personal_data(wanted.payload, facts)::text
            <> ledger.without_personal_data(wanted.standing::json, facts)::text
    ) then
        raise exception 'a fact of a metric would change: only what is personal may be taken out';
    end if;
    update raw_usage_metrics.metrics as m set payload = wanted.payload
    from unnest(of_pulls, standing, minimised) as wanted (pull_id, standing, payload)
    where wanted.pull_id = m.pull_id and wanted.standing = m.payload::text;
    get diagnostics changed = row_count;
    return changed;
end
$$;

create function ledger.forget_personal_data(of_tenant text, before_date date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    -- What dbt, the content hash and Vapi's support need of a call.
    of_calls constant text[] := array[
        'id', 'orgId', 'type', 'status', 'endedReason', 'assistantId', 'phoneNumberId', 'createdAt', 'updatedAt',
        'startedAt', 'endedAt', 'cost', 'costs', 'costBreakdown'
    ];
    of_metrics constant text[] := array['cost_usd'];
    own_rows bigint;
    metric_rows bigint;
    chat_rows bigint;
    transcript_rows bigint;
begin
    update raw_vapi.calls as c set payload = ledger.without_personal_data(c.payload, of_calls)
    where
        c.usage_date < before_date
        and (
            c.tenant_id = of_tenant
            or c.tenant_id is null and exists (
                select from marts.fct_calls as routed
                where
                    routed.tenant_id = of_tenant and routed.account = c.account
                    and routed.usage_date = c.usage_date and routed.call_id = c.call_id
            )
        )
        and exists (select from pg_catalog.json_object_keys(c.payload) as part (key) where part.key <> all(of_calls));
    get diagnostics own_rows = row_count;
    update raw_usage_metrics.metrics as m set payload = ledger.without_personal_data(m.payload, of_metrics)
    where
        m.usage_date < before_date and m.tenant_id = of_tenant
        and exists (select from pg_catalog.json_object_keys(m.payload) as part (key) where part.key <> all(of_metrics));
    get diagnostics metric_rows = row_count;
    -- Top intents are what visitors asked for, in words.
    update raw_voiceflow.usage as u set payload = '{}'
    where u.usage_date < before_date and u.tenant_id = of_tenant and u.metric = 'top_intents' and u.payload::text <> '{}';
    get diagnostics chat_rows = row_count;
    update raw_voiceflow.transcripts as t
    set payload = ledger.without_personal_data(t.payload, ledger.facts_of_a_transcript())
    where
        t.usage_date < before_date and t.tenant_id = of_tenant
        and exists (
            select from pg_catalog.json_object_keys(t.payload) as part (key)
            where part.key <> all(ledger.facts_of_a_transcript())
        );
    get diagnostics transcript_rows = row_count;
    if own_rows + metric_rows + chat_rows + transcript_rows > 0 then
        insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
        values (
            coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'forget', 'raw_vapi.calls',
            of_tenant,
            pg_catalog.jsonb_build_object(
                'before', before_date, 'calls', own_rows, 'metrics', metric_rows, 'intents', chat_rows,
                'transcripts', transcript_rows
            )
        );
    end if;
    return own_rows + metric_rows + chat_rows + transcript_rows;
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
    raw_table constant text := case of_source
        when 'vapi' then 'raw_vapi.calls'
        when 'voiceflow' then 'raw_voiceflow.usage'
        when 'voiceflow_transcripts' then 'raw_voiceflow.transcripts'
        when 'usage_metrics' then 'raw_usage_metrics.metrics'
    end;
    facts constant text[] := case of_source
        when 'vapi' then ledger.facts_of_a_call()
        when 'voiceflow_transcripts' then ledger.facts_of_a_transcript()
        when 'usage_metrics' then ledger.facts_of_a_metric()
        else array['period', 'projectID', 'environmentID', 'type', 'count', 'model', 'cost', 'intervalStartDate']
    end;
    wrong bigint;
    changed bigint;
begin
    if raw_table is null then
        raise exception 'there is no source %', of_source;
    end if;
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

-- Transcripts bill nothing, so no line is ever explained by them, and what nobody reads of them is purged whatever was frozen.
create view ledger.unread_pulls with (security_invoker = true) as
select
    p.pull_id,
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    p.state,
    p.closed_at,
    p.state = 'superseded' and p.source <> 'voiceflow_transcripts' and ledger.explains_a_frozen_line(p) as is_needed
from ledger.pulls as p
where p.state in ('superseded', 'failed', 'unchanged') and p.purged_at is null;
comment on view ledger.unread_pulls is 'Pulls whose raw rows nobody reads; is_needed: kept, because a frozen line is explained by it.';

-- The only way to delete what was published: whoever calls it cannot name a row, only an age and a number.
create function ledger.purge_raw(closed_before timestamptz, at_most int)
returns table (source text, pulls bigint, raw_rows bigint)
language plpgsql security definer set search_path = '' as $$
declare
    raw_table record;
    chosen bigint[];
    gone bigint;
begin
    if closed_before > pg_catalog.clock_timestamp() - interval '1 day' then
        raise exception 'rows of a pull are kept for a day at least' using errcode = 'invalid_parameter_value';
    end if;
    for raw_table in
        values
        ('vapi', 'raw_vapi.calls'),
        ('voiceflow', 'raw_voiceflow.usage'),
        ('voiceflow_transcripts', 'raw_voiceflow.transcripts'),
        ('usage_metrics', 'raw_usage_metrics.metrics')
    loop
        select array(
            select p.pull_id from ledger.pulls as p
            where
                p.source = raw_table.column1
                and p.state in ('superseded', 'failed', 'unchanged')
                and p.purged_at is null
                and p.closed_at < closed_before
                and not (
                    p.state = 'superseded'
                    and p.source <> 'voiceflow_transcripts'
                    and ledger.explains_a_frozen_line(p)
                )
            order by p.closed_at
            limit 500
            for update skip locked
        ) into chosen;
        execute pg_catalog.format(
            'delete from %s where ctid = any(array(select ctid from %1$s where pull_id = any($1) limit $2))', raw_table.column2
        ) using chosen, at_most;
        get diagnostics gone = row_count;
        if gone < at_most then
            update ledger.pulls as p set purged_at = pg_catalog.clock_timestamp() where p.pull_id = any(chosen);
            pulls := pg_catalog.cardinality(chosen);
        else
            pulls := 0;
        end if;
        source := raw_table.column1;
        raw_rows := gone;
        return next;
    end loop;
end
$$;
comment on function ledger.purge_raw is
'Deletes at most so many raw rows of each source, of unread pulls closed before then; to be repeated until nothing is gone.';
