create table control.meters (
    meter_id text primary key check (meter_id ~ '^[a-z0-9_]+$'),
    name text not null check (name <> ''),
    unit text not null check (unit <> ''),
    source text not null check (source in ('vapi', 'voiceflow', 'usage_metrics')),
    increment_seconds int check (increment_seconds > 0),
    minimum_seconds int check (minimum_seconds >= 0),
    metric_type text unique,
    stripe_event_name text unique,
    created_at timestamptz not null default now(),
    check ((source = 'vapi') = (increment_seconds is not null)),
    check ((source = 'vapi') = (minimum_seconds is not null)),
    check ((source = 'usage_metrics') = (metric_type is not null))
);
create unique index meters_one_of_voiceflow on control.meters (source) where source = 'voiceflow';
comment on table control.meters is
'What is counted. A voice meter counts started increments of connected seconds; the Voiceflow meter counts'
' interactions; a usage metric meter counts quantities of one metric_type.';

create table control.plans (
    plan_id text primary key check (plan_id ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (name <> ''),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz not null default now()
);

create table control.plan_terms (
    plan_id text not null references control.plans,
    valid_from date not null,
    subscription_fee numeric not null check (subscription_fee >= 0),
    setup_fee numeric not null default 0 check (setup_fee >= 0),
    minimum_amount numeric not null default 0 check (minimum_amount >= 0),
    prorates_allowance boolean not null default false,
    voice_meter_id text references control.meters,
    primary key (plan_id, valid_from)
);

create table control.tenant_plans (
    tenant_id text not null references control.tenants,
    valid_from date not null,
    plan_id text not null references control.plans,
    primary key (tenant_id, valid_from)
);

create table control.allowances (
    plan_id text not null references control.plans,
    meter_id text not null references control.meters,
    valid_from date not null,
    quantity bigint not null check (quantity >= 0),
    primary key (plan_id, meter_id, valid_from)
);

create table control.prices (
    price_id bigint generated always as identity primary key,
    plan_id text references control.plans,
    tenant_id text references control.tenants,
    meter_id text not null references control.meters,
    valid_from date not null,
    model text not null check (model in ('per_unit', 'package', 'graduated', 'volume', 'plan')),
    unit_amount numeric check (unit_amount >= 0),
    package_size bigint check (package_size > 0),
    tiers jsonb,
    created_at timestamptz not null default now(),
    check (num_nonnulls(plan_id, tenant_id) = 1),
    check (model <> 'plan' or tenant_id is not null),
    check ((model in ('per_unit', 'package')) = (unit_amount is not null)),
    check ((model = 'package') = (package_size is not null)),
    check ((model in ('graduated', 'volume')) = (tiers is not null))
);
create unique index prices_one_per_plan_day on control.prices (plan_id, meter_id, valid_from) where plan_id is not null;
create unique index prices_one_per_tenant_day on control.prices (tenant_id, meter_id, valid_from)
where tenant_id is not null;
comment on table control.prices is
'Timeline per plan or tenant and meter. A tenant''s own price wins over the plan''s; its model "plan" ends it.'
' unit_amount is per unit, or per package; tiers is [{"up_to": n or null, "unit_amount": "0.10"}, …], up_to inclusive,'
' counted from the first unit of overage. The currency is the plan''s or the tenant''s.';

create table control.unit_costs (
    meter_id text not null references control.meters,
    valid_from date not null,
    unit_cost numeric not null check (unit_cost >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    primary key (meter_id, valid_from)
);

create table control.fixed_costs (
    fixed_cost_id text not null check (fixed_cost_id ~ '^[a-z0-9-]+$'),
    valid_from date not null,
    name text not null check (name <> ''),
    monthly_amount numeric not null check (monthly_amount >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    allocation text not null default 'equal' check (allocation in ('equal', 'by_revenue', 'by_usage')),
    primary key (fixed_cost_id, valid_from)
);
comment on table control.fixed_costs is 'Shared by the tenants active on each day; an amount of 0 ends it.';

create table control.exchange_rates (
    from_currency text not null check (from_currency ~ '^[A-Z]{3}$'),
    to_currency text not null check (to_currency ~ '^[A-Z]{3}$'),
    valid_from date not null,
    rate numeric not null check (rate > 0),
    primary key (from_currency, to_currency, valid_from)
);

create table control.credits (
    credit_id bigint generated always as identity primary key,
    tenant_id text not null references control.tenants,
    amount numeric not null check (amount > 0),
    valid_from date not null,
    expires_on date,
    reason text not null check (reason <> ''),
    created_at timestamptz not null default now(),
    check (expires_on > valid_from)
);
