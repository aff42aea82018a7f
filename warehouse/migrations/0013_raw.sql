-- What providers told us. Raw tables are made here, in one serial step, and appended to by dlt: tables race when parallel loads
-- make them. payload is json, not jsonb: the answer stays as it was told, digit for digit, and ADBC cannot COPY into jsonb.
create schema raw_vapi;
create schema raw_voiceflow;
create schema raw_usage_metrics;
comment on schema raw_vapi is 'What Vapi told us, append only.';
comment on schema raw_voiceflow is 'What Voiceflow told us, append only.';
comment on schema raw_usage_metrics is 'What the platform''s own usage metrics told us, append only.';

create table raw_vapi.calls (
    account text not null,
    tenant_id text,
    usage_date date not null,
    pull_id bigint not null,
    call_id text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    status text,
    call_type text,
    ended_reason text,
    assistant_id text,
    phone_number_id text,
    payload json not null,
    _dlt_load_id text
);
create index calls_by_pull on raw_vapi.calls (pull_id);

create table raw_voiceflow.usage (
    account text not null,
    tenant_id text,
    usage_date date not null,
    pull_id bigint not null,
    project_id text not null,
    environment_id text,
    metric text not null,
    period_at timestamptz,
    usage_type text,
    quantity bigint not null,
    payload json not null,
    _dlt_load_id text
);
create index usage_by_pull on raw_voiceflow.usage (pull_id);

-- Transcripts as rows: a source of its own, read where a tenant's credential says so.
create table raw_voiceflow.transcripts (
    account text not null,
    tenant_id text,
    usage_date date not null,
    pull_id bigint not null,
    transcript_id text not null,
    project_id text not null,
    environment_id text,
    created_at timestamptz not null,
    updated_at timestamptz,
    ended_at timestamptz,
    message_count bigint,
    payload json not null,
    _dlt_load_id text
);
create index transcripts_by_pull on raw_voiceflow.transcripts (pull_id);
create index transcripts_by_tenant on raw_voiceflow.transcripts (tenant_id, usage_date);
comment on column raw_voiceflow.transcripts.payload is
'As Voiceflow told it, without what its tenant does not keep; message_count is null where what was said was not asked for.';

create table raw_usage_metrics.metrics (
    account text not null,
    tenant_id text,
    usage_date date not null,
    pull_id bigint not null,
    usage_agent_id text not null,
    metric_type text not null,
    quantity bigint not null,
    recorded_at timestamptz not null,
    payload json not null,
    _dlt_load_id text
);
create index metrics_by_pull on raw_usage_metrics.metrics (pull_id);
comment on column raw_usage_metrics.metrics.payload is
'The row as json: cost_usd as a number at full precision, metadata as an object.';

-- PostgreSQL refuses COPY into a table under row-level security ("COPY FROM not supported with row-level security").
-- So rows are copied into a view, whose trigger inserts them with the loader's own rights, under the table's policy.
-- The triggers' functions set no search_path: a setting is set and put back for every row, a tenth of what landing costs the
-- server. Nothing in them is looked up by search path, and they act with the rights of whoever inserts.
create view raw_vapi.calls_landing with (security_invoker = true) as select * from raw_vapi.calls;
create view raw_voiceflow.usage_landing with (security_invoker = true) as select * from raw_voiceflow.usage;
create view raw_voiceflow.transcripts_landing with (security_invoker = true) as select * from raw_voiceflow.transcripts;
create view raw_usage_metrics.metrics_landing with (security_invoker = true) as select * from raw_usage_metrics.metrics;

create function raw_vapi.land_call() returns trigger language plpgsql as $$
begin
    insert into raw_vapi.calls values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_vapi.calls_landing
for each row execute function raw_vapi.land_call();

create function raw_voiceflow.land_usage() returns trigger language plpgsql as $$
begin
    insert into raw_voiceflow.usage values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_voiceflow.usage_landing
for each row execute function raw_voiceflow.land_usage();

create function raw_voiceflow.land_transcript() returns trigger language plpgsql as $$
begin
    insert into raw_voiceflow.transcripts values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_voiceflow.transcripts_landing
for each row execute function raw_voiceflow.land_transcript();

create function raw_usage_metrics.land_metric() returns trigger language plpgsql as $$
begin
    insert into raw_usage_metrics.metrics values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_usage_metrics.metrics_landing
for each row execute function raw_usage_metrics.land_metric();

do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'raw_vapi.calls', 'raw_voiceflow.usage', 'raw_voiceflow.transcripts', 'raw_usage_metrics.metrics'
    ] loop
        execute format('alter table %s enable row level security', table_name);
        execute format('alter table %s force row level security', table_name);
        execute format(
            'create policy processes on %s to minutebook_loader, minutebook_transformer, minutebook_billing,'
            ' minutebook_operator using (true) with check (true)', table_name
        );
        -- The functions that take out what is personal, and purge, act as the owner.
        execute format('create policy owner on %s to current_user using (true) with check (true)', table_name);
        -- Raw rows go by the rule that purges, and by no other way (ledger.purge_raw).
        execute format('grant select, insert on %s to minutebook_loader', table_name);
        execute format('grant select on %s to minutebook_transformer', table_name);
    end loop;
end
$$;
grant usage on schema raw_vapi, raw_voiceflow, raw_usage_metrics to minutebook_loader, minutebook_transformer;
grant insert on raw_vapi.calls_landing, raw_voiceflow.usage_landing, raw_voiceflow.transcripts_landing,
raw_usage_metrics.metrics_landing to minutebook_loader;
