-- Timelines: a version holds from valid_from until the next version of the same key starts. So two versions can
-- never overlap and no gap is invented; the end of a version is derived, never stored.

create table control.tenants (
    tenant_id text primary key check (tenant_id ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' and tenant_id <> 'platform'),
    name text not null check (name <> ''),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    anchor_day int not null default 1 check (anchor_day between 1 and 28),
    keeps_conversation boolean not null default false,
    feature_flags jsonb not null default '{}' check (jsonb_typeof(feature_flags) = 'object'),
    stripe_customer_id text unique,
    created_at timestamptz not null default now()
);
comment on table control.tenants is
'One row per tenant. tenant_id is an immutable slug and the Dagster partition key.';
comment on column control.tenants.keeps_conversation is
'Whether transcripts, messages, recordings and summaries of its calls are stored.';

create table control.tenant_statuses (
    tenant_id text not null references control.tenants,
    valid_from date not null,
    status text not null check (status in ('active', 'paused', 'closed')),
    primary key (tenant_id, valid_from)
);
comment on table control.tenant_statuses is
'Timeline. The first active day is billed, the closing date is not. A closed tenant stays closed.';

create table control.agents (
    agent_id text primary key check (agent_id ~ '^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$'),
    tenant_id text not null references control.tenants,
    name text not null check (name <> ''),
    created_at timestamptz not null default now(),
    unique (tenant_id, agent_id)
);

create table control.agent_attachments (
    kind text not null check (kind in ('phone_number', 'vapi_phone_number', 'vapi_assistant', 'usage_agent')),
    value text not null check (value <> ''),
    valid_from date not null,
    tenant_id text references control.tenants,
    agent_id text,
    primary key (kind, value, valid_from),
    foreign key (tenant_id, agent_id) references control.agents (tenant_id, agent_id),
    check ((tenant_id is null) = (agent_id is null))
);
comment on table control.agent_attachments is
'Timeline per (kind, value): which agent a provider''s object belongs to from a day on; no agent means detached.';

create table control.voiceflow_projects (
    project_id text primary key check (project_id ~ '^[0-9A-Za-z_-]+$'),
    tenant_id text not null references control.tenants,
    agent_id text,
    environment text not null default 'production',
    valid_from date not null,
    valid_to date,
    foreign key (tenant_id, agent_id) references control.agents (tenant_id, agent_id),
    check (valid_to > valid_from)
);
comment on table control.voiceflow_projects is 'Half-open: pulled from valid_from up to, not including, valid_to.';
