-- Raw tables are made here, in one serial step, and appended to by dlt: tables race when parallel loads make them.
-- payload is json, not jsonb: the answer stays as it was told, digit for digit, and ADBC cannot COPY into jsonb.

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
