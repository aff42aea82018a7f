-- What we intend. Timelines: a version holds from valid_from until the next version of the same key starts. So two versions
-- can never overlap and no gap is invented; the end of a version is derived, never stored.

create table control.tenants (
    tenant_id text primary key check (tenant_id ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' and tenant_id <> 'platform'),
    name text not null check (name <> ''),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    anchor_day int not null default 1 check (anchor_day between 1 and 28),
    feature_flags jsonb not null default '{}' check (jsonb_typeof(feature_flags) = 'object'),
    stripe_customer_id text unique,
    created_at timestamptz not null default now(),
    is_canary boolean not null default false,
    shard text not null default 'shared' check (shard ~ '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$')
);
-- The known-answer tenant is told from real ones by a mark, not by its name: the marts leave it out, so that no total, no
-- pack and no posting ever holds it, and a real tenant may be called "canary".
create unique index tenants_one_canary on control.tenants (is_canary)
where is_canary;
comment on table control.tenants is
'One row per tenant. tenant_id is an immutable slug and the Dagster partition key.';
comment on column control.tenants.shard is
'Whose days one run reads together with it; tenants of `shared` are split by a stable hash.';
comment on column control.tenants.is_canary is
'The known-answer tenant. Built like any other, and left out of every mart but fct_canary_lines.';

create table control.tenant_statuses (
    tenant_id text not null references control.tenants,
    valid_from date not null,
    status text not null check (status in ('active', 'paused', 'closed')),
    primary key (tenant_id, valid_from)
);
comment on table control.tenant_statuses is
'Timeline. The first active day is billed, the closing date is not. A closed tenant stays closed.';

create function control.active_spans() returns table (tenant_id text, valid_from date, valid_to date)
language sql stable as $$
    select v.tenant_id, v.valid_from, v.valid_to
    from (
        select
            s.tenant_id,
            s.status,
            s.valid_from,
            lead(s.valid_from) over (partition by s.tenant_id order by s.valid_from) as valid_to
        from control.tenant_statuses as s
    ) as v
    where v.status = 'active'
$$;
comment on function control.active_spans() is 'Half-open [valid_from, valid_to); valid_to is null where it goes on.';

-- Facts of a source are properties, and not its name: what bills, whose account is read, by which scopes rows route, and where
-- raw rows stand. Filled from the declarations of this release and of installed packages, whenever it is installed.
create table control.sources (
    source text primary key,
    provider text not null,
    raw_schema text not null,
    raw_table text not null,
    contract text check (contract in ('calls', 'usage', 'costs')),
    bills boolean not null,
    needs_credential boolean not null,
    accounts text not null check (accounts in ('shared', 'own', 'pushed')),
    enabled_by text[] check (cardinality(enabled_by) = 2),
    scope_kinds text[] not null,
    facts text[] not null,
    components jsonb not null default '{}' check (jsonb_typeof(components) = 'object'),
    details_calls boolean not null default false,
    horizon_days int,
    look_back_days int not null,
    cost_is_of_scope boolean not null,
    hook jsonb check (hook ?& '{row_column,ended_column,cost_field}'),
    digest text not null,
    registered_at timestamptz not null default clock_timestamp(),
    unique (raw_schema, raw_table)
);
comment on table control.sources is 'One row per source that is or was registered; written by install, from its declaration.';
comment on column control.sources.bills is 'Whether a line of a statement can depend on it.';
comment on column control.sources.accounts is
'shared: a tenant''s own account, or the platform''s by its scopes. own: always the tenant''s, while a scope is attached.'
' pushed: the tenant''s, on the days of which something was pushed to us.';
comment on column control.sources.cost_is_of_scope is
'Of usage: what some rows say they cost covers all that their scope used that day. Else a cost is of its own row.';
comment on column control.sources.hook is
'Where its provider tells us of single rows as they happen: the columns of the raw table that hold a row''s id and end, and the'
' field of its payload that holds its cost; null where a report names no row and makes its day due alone.';
comment on column control.sources.enabled_by is 'Setting of its credential and the value without which it is not read.';
comment on column control.sources.facts is 'Fields of a payload that no choice, no retention period and no cleaning touches.';

comment on column control.sources.components is
'Of calls: each component of their cost and the service it is of, which the bill of another provider may cover.';
comment on column control.sources.details_calls is 'Of costs: whether what single calls cost is among its rows.';

create table control.scope_kinds (
    kind text primary key,
    provider text,
    rank int not null,
    is_of_one_row boolean not null,
    live_environments text[] not null default '{}'
);
comment on table control.scope_kinds is
'By which ids rows find their tenant; of one row, the kind with the lowest rank that is attached on its day decides.';
comment on column control.scope_kinds.is_of_one_row is 'A row''s own id, attached by hand for the one day of the row.';
comment on column control.scope_kinds.live_environments is
'It holds several environments, of which a scope names one: any but these is a test as a whole. Empty: it has none.';
insert into control.scope_kinds (kind, provider, rank, is_of_one_row) values ('phone_number', null, 1, false);

create table control.agents (
    agent_id text primary key check (agent_id ~ '^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$'),
    tenant_id text not null references control.tenants,
    name text not null check (name <> ''),
    created_at timestamptz not null default now(),
    unique (tenant_id, agent_id)
);

create table control.agent_attachments (
    kind text not null references control.scope_kinds,
    value text not null check (value <> ''),
    valid_from date not null,
    tenant_id text references control.tenants,
    agent_id text,
    environment text check (environment <> ''),
    primary key (kind, value, valid_from),
    foreign key (tenant_id, agent_id) references control.agents (tenant_id, agent_id),
    check ((tenant_id is null) = (agent_id is null))
);
comment on table control.agent_attachments is
'Timeline per (kind, value): which agent a provider''s object belongs to from a day on; no agent means detached.';
comment on column control.agent_attachments.environment is
'Of a kind that has several: the one that is read. Null: the first of the kind''s live ones.';

create view control.scopes with (security_invoker = true) as
select
    a.kind,
    a.value,
    coalesce(a.environment, k.live_environments[1]) as environment,
    a.tenant_id,
    a.agent_id,
    a.valid_from,
    case
        when k.is_of_one_row then a.valid_from + 1
        else lead(a.valid_from) over (partition by a.kind, a.value order by a.valid_from)
    end as valid_to
from control.agent_attachments as a
inner join control.scope_kinds as k on a.kind = k.kind;
comment on view control.scopes is
'Ids of providers that belong to a tenant and its agent in [valid_from, valid_to), null for good; no tenant means detached.';

create table control.meters (
    meter_id text primary key check (meter_id ~ '^[a-z0-9_]+$'),
    name text not null check (name <> ''),
    unit text not null check (unit <> ''),
    source text not null references control.sources,
    increment_seconds int check (increment_seconds > 0),
    minimum_seconds int check (minimum_seconds >= 0),
    item text check (item <> ''),
    attribute_filter jsonb not null default '{}' check (jsonb_typeof(attribute_filter) = 'object'),
    aggregation text not null default 'sum' check (aggregation in ('sum', 'count')),
    stripe_event_name text unique,
    created_at timestamptz not null default now(),
    only_account text,
    check ((increment_seconds is null) = (minimum_seconds is null)),
    check (item is null or increment_seconds is null),
    check (item is not null or (attribute_filter = '{}' and (increment_seconds is null) = (aggregation = 'count')))
);
comment on table control.meters is
'What is counted of a source: of calls, started increments of connected seconds, or connected calls; of usage, an item''s'
' quantities or rows.';
comment on column control.meters.item is 'Of usage: the item in the provider''s words. Null: calls.';
comment on column control.meters.attribute_filter is
'Of usage: attribute to the list of values that are counted; the empty text is a row without it. {}: all rows.';
comment on column control.meters.aggregation is
'sum: quantities, of calls their time. count: rows, of calls the connected ones.';
-- Without this the canary's voice meter would count every call of every tenant once more.
comment on column control.meters.only_account is 'A voice meter counts calls of this account only; null: of all.';

create function control.filters_overlap(
    one jsonb, other jsonb
) returns boolean language sql immutable parallel safe as $$
    select not exists (
        select
        from pg_catalog.jsonb_each(one) as mine
        inner join pg_catalog.jsonb_each(other) as asked on mine.key = asked.key
        where not exists (
            select
            from pg_catalog.jsonb_array_elements_text(mine.value) as v (accepted)
            where pg_catalog.jsonb_exists(asked.value, v.accepted)
        )
    )
$$;
comment on function control.filters_overlap(jsonb, jsonb) is
'Whether some row passes both: they share no attribute of which they accept nothing in common.';

-- A row of usage has one price, so one meter counts it. Of calls a plan names the meter, and there may be several.
create function control.refuse_counted_twice() returns trigger
language plpgsql set search_path = '' as $$
declare
    other text;
begin
    perform pg_catalog.pg_advisory_xact_lock(7735, 0);
    select m.meter_id into other
    from control.meters as m
    where
        m.meter_id <> new.meter_id
        and m.source = new.source
        and m.item = new.item
        and control.filters_overlap(m.attribute_filter, new.attribute_filter)
    limit 1;
    if found then
        raise exception 'meters % and % would count the same rows', other, new.meter_id
        using errcode = 'unique_violation';
    end if;
    return new;
end
$$;
create trigger counted_once before insert or update of source, item, attribute_filter on control.meters
for each row execute function control.refuse_counted_twice();

create table control.plans (
    plan_id text primary key check (plan_id ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (name <> ''),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    events_per_minute int not null default 60000 check (events_per_minute between 60 and 10000000),
    created_at timestamptz not null default now()
);
comment on column control.plans.events_per_minute is 'How many events a tenant on it may push a minute, and at once.';

create table control.plan_terms (
    plan_id text not null references control.plans,
    valid_from date not null,
    subscription_fee numeric not null check (subscription_fee >= 0),
    setup_fee numeric not null default 0 check (setup_fee >= 0),
    minimum_amount numeric not null default 0 check (minimum_amount >= 0),
    prorates_allowance boolean not null default false,
    voice_meter_id text references control.meters,
    gives_credit_notes boolean not null default false,
    primary key (plan_id, valid_from)
);
-- The word of the plan that was in force for what is corrected: like its fees it is immutable once a period of it is approved.
comment on column control.plan_terms.gives_credit_notes is
'A correction in the tenant''s favour of a period that these terms bill is a credit note of its invoice, if that is paid.';

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

-- The one rule of tiers: how the units of overage after the first counted_before, up to counted_until, of a period of
-- period_quantity fall into a price's tiers. quantity is packages for a package, begun ones whole; graduated: each unit at its own
-- tier; volume: all at the tier that the period's last unit falls in. Inlined where it stands in FROM, so it has no search path.
create function control.rated_tiers(
    price_model text, unit_amount numeric, package_size bigint, tiers jsonb,
    counted_before numeric, counted_until numeric, period_quantity numeric
) returns table (tier_index bigint, quantity numeric, unit_amount_of_tier numeric)
language sql immutable parallel safe as $$
    select
        1 as tier_index,
        case
            when price_model = 'package'
                then pg_catalog.ceil(counted_until / package_size) - pg_catalog.ceil(counted_before / package_size)
            else counted_until - counted_before
        end as quantity,
        unit_amount as unit_amount_of_tier
    where price_model in ('per_unit', 'package') and counted_until > counted_before
    union all
    select
        t.place as tier_index,
        case
            when price_model = 'volume' then counted_until - counted_before
            else least(counted_until, coalesce(t.upper_bound, counted_until)) - greatest(counted_before, t.lower_bound)
        end as quantity,
        t.amount as unit_amount_of_tier
    from (
        select
            listed.place,
            coalesce(pg_catalog.lag((listed.item ->> 'up_to')::numeric) over (order by listed.place), 0) as lower_bound,
            (listed.item ->> 'up_to')::numeric as upper_bound,
            (listed.item ->> 'unit_amount')::numeric as amount
        from pg_catalog.jsonb_array_elements(tiers) with ordinality as listed (item, place)
    ) as t
    where
        price_model in ('graduated', 'volume')
        and counted_until > counted_before
        and case
            when price_model = 'volume'
                then period_quantity > t.lower_bound and period_quantity <= coalesce(t.upper_bound, period_quantity)
            else counted_until > t.lower_bound and counted_before < coalesce(t.upper_bound, counted_until)
        end
$$;

-- What a period's overage amounts to under a version of a price, unrounded.
create function control.rated_amount(
    price_model text, unit_amount numeric, package_size bigint, tiers jsonb, quantity numeric
) returns numeric language sql immutable parallel safe as $$
    select coalesce(sum(r.quantity * r.unit_amount_of_tier), 0)
    from control.rated_tiers(price_model, unit_amount, package_size, tiers, 0, quantity, quantity) as r
$$;

-- What rows of usage of a day have in common that are counted together, in the provider's own words.
create function control.usage_origin(
    scope_ref text, environment text, item text, attributes jsonb, traffic text
) returns text language sql stable parallel safe as $$
    select pg_catalog.concat_ws(
        '/', scope_ref, environment, item, nullif(attributes, '{}')::text, nullif(traffic, 'live')
    )
$$;

-- The last unit of overage that has a price; null where the last tier has no end, and for a price without tiers.
create function control.priced_up_to(tiers jsonb) returns numeric language sql immutable parallel safe as $$
    select (tiers -> -1 ->> 'up_to')::numeric
$$;

-- What a fee or a minimum of a whole period comes to for its billed days, unrounded.
create function control.of_billed_days(
    amount numeric, billed_days numeric, period_days numeric
) returns numeric language sql immutable parallel safe as $$
    select pg_catalog.trim_scale(amount * billed_days / period_days)
$$;

-- What the minimum of a period exceeds its subscription and overage by, unrounded; below zero where they exceed it.
create function control.short_of_minimum(
    minimum_amount numeric, billed_days numeric, period_days numeric, subscription_and_overage numeric
) returns numeric language sql immutable parallel safe as $$
    select control.of_billed_days(minimum_amount, billed_days, period_days) - subscription_and_overage
$$;

create table control.unit_costs (
    meter_id text not null references control.meters,
    valid_from date not null,
    unit_cost numeric not null check (unit_cost >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    is_rest boolean not null default false,
    primary key (meter_id, is_rest, valid_from)
);
comment on column control.unit_costs.is_rest is
'Of a call of which a part is on another bill: what a unit of the rest of it costs. Else of a whole call, or of what is no call''s.';

-- Whose bill holds what a component of calls costs. What calls of an agent use is said of the agent, of all of a tenant's, or
-- of all that are read from the platform's account; the nearest that is said holds.
create table control.cost_coverage (
    source text not null references control.sources,
    tenant_id text references control.tenants,
    agent_id text,
    component text not null check (component <> ''),
    valid_from date not null,
    cost_source text references control.sources,
    is_own boolean not null default false,
    unique nulls not distinct (source, tenant_id, agent_id, component, valid_from),
    foreign key (tenant_id, agent_id) references control.agents (tenant_id, agent_id),
    check (agent_id is null or tenant_id is not null),
    check (not is_own or (tenant_id is not null and cost_source is not null))
);
comment on table control.cost_coverage is
'Timeline per source of calls, tenant, agent and component: which source of costs has it on its bill; none ends it. No tenant:'
' all calls of the platform''s account.';
comment on column control.cost_coverage.is_own is 'The bill is of the tenant''s own account, and else of the platform''s.';

-- How a provider judged a call is a text, whose meaning is the rubric's of its assistant: without one it is shown, and not counted.
create table control.call_rubrics (
    tenant_id text not null references control.tenants,
    kind text not null references control.scope_kinds,
    value text not null check (value <> ''),
    rubric text not null check (rubric in ('pass_fail', 'numeric', 'percentage', 'likert', 'descriptive')),
    success_from numeric,
    primary key (tenant_id, kind, value),
    check ((rubric = 'pass_fail') = (success_from is null))
);
comment on table control.call_rubrics is 'By which words the evaluation of calls of a scope, such as an assistant, is read as success or failure.';
comment on column control.call_rubrics.success_from is
'The least that is a success: a number; for likert 1 (strongly disagree) to 5, for descriptive 1 (poor) to 4 (excellent).';

create table control.call_outputs (
    tenant_id text not null references control.tenants,
    output_id text not null check (output_id <> ''),
    meaning text not null check (meaning in ('rating', 'sentiment', 'categories')),
    primary key (tenant_id, output_id)
);
comment on table control.call_outputs is 'What a structured output of a tenant''s calls means, by the provider''s id of it, never by its name.';

create table control.search_languages (
    tenant_id text primary key references control.tenants,
    language text not null check (
        language in (
            'arabic', 'armenian', 'basque', 'catalan', 'danish', 'dutch', 'english', 'finnish', 'french', 'german',
            'greek', 'hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali', 'norwegian',
            'portuguese', 'romanian', 'russian', 'serbian', 'spanish', 'swedish', 'tamil', 'turkish', 'yiddish'
        )
    )
);
comment on table control.search_languages is
'In which language words that were said in a tenant''s calls are searched, so that other forms of a word are found too. Without a row: as written.';

create table control.provider_unit_costs (
    provider text not null check (provider <> ''),
    unit text not null check (unit <> ''),
    valid_from date not null,
    unit_cost numeric not null check (unit_cost >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    primary key (provider, unit, valid_from)
);
comment on table control.provider_unit_costs is
'What a unit that a provider''s bill counts without naming money costs us: a credit, a minute not rated yet. It is estimated.';

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

-- What being paid costs us: a share of each statement and a fixed amount, by the currency it is paid in.
create table control.payment_fees (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    valid_from date not null,
    percent numeric not null check (percent >= 0 and percent < 100),
    fixed_amount numeric not null check (fixed_amount >= 0),
    primary key (currency, valid_from)
);
comment on table control.payment_fees is
'Timeline per currency. A statement above zero costs percent of its total and the fixed amount, in its own currency; 0 and 0'
' ends it. It is a cost we estimate, never a line of the tenant''s.';

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

-- A credit is never changed: what takes it back is a row of its own, and what was used of it until then stays.
create table control.credit_voids (
    credit_id bigint primary key references control.credits,
    tenant_id text not null references control.tenants,
    taken_back numeric not null check (taken_back > 0),
    kept_by date[] not null,
    reason text not null check (reason <> ''),
    voided_at timestamptz not null default now()
);
comment on table control.credit_voids is 'What was left of a credit when it was taken back; what statements had used by then they keep, reopened or not.';
comment on column control.credit_voids.kept_by is 'The first days of the periods whose statements had used it by then: no other ever does.';

create table control.spend_limits (
    tenant_id text not null references control.tenants,
    valid_from date not null,
    amount numeric check (amount > 0),
    primary key (tenant_id, valid_from)
);
comment on table control.spend_limits is
'Timeline: what a tenant wants to be warned of, per period and in its currency. A null amount ends it; nothing is cut.';

create table control.today_readings (
    tenant_id text primary key references control.tenants,
    every interval not null check (every in ('15 minutes', '1 hour'))
);
comment on table control.today_readings is
'Tenants whose day in progress is read too, and how often; the night replaces it. Without a row a day is read once it is over.';

-- How much a statement may move against the last before a person has to look: one rule, for the command line and the pages.
create table control.review_rules (
    is_only_row boolean primary key default true check (is_only_row),
    moved_share numeric not null default 0.5 check (moved_share > 0)
);
insert into control.review_rules default values;
comment on column control.review_rules.moved_share is
'A statement whose recurring amount moved by more than this share of the former one blocks approval until a person says why.';

-- What the marts were built from is compared with what is: a counter moves with every change of control data. What the state
-- of a period moves (its lines, and the adjustments of its tenant's later periods) is its own tenant's, and no reason to build
-- the marts again before the next tenant's is approved: so the counter also knows which change was the last that was no
-- period's (ledger.periods.revision is the other half).
create table control.revision (
    is_only_row boolean primary key default true check (is_only_row),
    revision bigint not null default 0,
    besides_periods bigint not null default 0
);
insert into control.revision default values;

create function control.advance_revision() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update control.revision set revision = revision + 1, besides_periods = revision + 1;
    return null;
end
$$;

-- Counted by row: a statement that changes none, such as an idempotent command repeated, is no change of control data.
-- No mart is made of what blocks approval, or of what a tenant wants to be warned of.
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
        if table_name not in ('review_rules', 'spend_limits', 'today_readings') then
            execute format(
                'create trigger advance_revision after insert or update or delete on control.%I '
                'for each row execute function control.advance_revision()', table_name
            );
        end if;
    end loop;
end
$$;
