-- Billing periods, the lines frozen at their approval, and what explains each line. Whole numbers stay whole, but a sum of
-- them is numeric: one tenant's large counts overflowed a bigint, and no tenant was billed.

create table ledger.periods (
    tenant_id text not null references control.tenants,
    period_start date not null,
    period_end date not null,
    state text not null default 'open' check (state in ('open', 'in_review', 'approved', 'closed')),
    changed_at timestamptz not null default now(),
    changed_by text not null default current_user,
    reason text,
    manifest_hash text,
    revision bigint,
    approved_at timestamptz,
    approved_cost numeric,
    primary key (tenant_id, period_start),
    check (period_end > period_start),
    check ((state in ('approved', 'closed')) = (manifest_hash is not null))
);
comment on table ledger.periods is 'A period without a row is open. Half-open [period_start, period_end).';
comment on column ledger.periods.revision is 'What control.revision became by the last change of this row.';
comment on column ledger.periods.approved_at is 'When it was approved; null while it is not.';
comment on column ledger.periods.approved_cost is
'What its days cost as it was known at approval, in the tenant''s currency; null while it is not approved, or where it was not known.';
create trigger audit after insert or update or delete on ledger.periods
for each row execute function ledger.record_audit();

create function control.advance_revision_by_period() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update control.revision set revision = revision + 1 returning revision into new.revision;
    return new;
end
$$;
create trigger advance_revision after delete on ledger.periods
for each row execute function control.advance_revision();
create trigger advance_revision_by_period before insert or update on ledger.periods
for each row execute function control.advance_revision_by_period();

create table ledger.statement_lines (
    line_id text primary key,
    tenant_id text not null,
    period_start date not null,
    line_kind text not null check (
        line_kind in ('setup', 'subscription', 'overage', 'minimum', 'adjustment', 'credit')
    ),
    meter_id text,
    quantity numeric,
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
create trigger audit after insert or delete on ledger.statement_lines
for each row execute function ledger.record_audit();

-- What a frozen line was made of, frozen with it: its days, the pulls they were read by, and each call or row of the provider.
-- So it is explained for ever as it was approved, whatever is pulled again, purged or restated afterwards.
create table ledger.line_days (
    line_id text not null references ledger.statement_lines,
    tenant_id text not null,
    usage_date date not null,
    quantity numeric not null,
    cumulative_quantity numeric not null,
    allowance numeric not null,
    overage_quantity numeric not null,
    amount numeric not null,
    primary key (line_id, usage_date)
);
comment on table ledger.line_days is
'Of an overage line: what each day added to it. Of an adjustment: the days of the line it corrects, as they were then.';

create table ledger.line_pulls (
    line_id text not null references ledger.statement_lines,
    tenant_id text not null,
    pull_id bigint not null,
    source text not null,
    account text not null,
    usage_date date not null,
    pulled_at timestamptz not null,
    quantity numeric not null,
    row_count bigint not null,
    is_new boolean not null,
    primary key (line_id, pull_id)
);
comment on table ledger.line_pulls is
'The pulls of the days a line is about, those without its usage too. is_new: an adjustment was not known before this pull.';

create table ledger.line_objects (
    line_id text not null references ledger.statement_lines,
    tenant_id text not null,
    usage_date date not null,
    pull_id bigint not null,
    agent_id text,
    object_id text not null,
    reported_at timestamptz,
    quantity numeric not null,
    provider_cost numeric,
    provider_currency text,
    cost_basis text not null,
    accepted_seconds numeric,
    accepted_because text
);
create index line_objects_of_line on ledger.line_objects (line_id, usage_date);
comment on table ledger.line_objects is
'Each call or row of the provider, by the provider''s own id or key, with its billed units and what the provider says it cost.';
comment on column ledger.line_objects.accepted_seconds is
'Of a call set aside for its length, the one at which a person accepted it.';

-- What of an approved period is missing, unattributed or unpriced is a question to the period that carries its corrections,
-- unless it was known when the tenant's last period was approved: an override is of what it saw, and of nothing later.
create table ledger.known_gaps (
    tenant_id text,
    source text not null,
    account text not null,
    usage_date date not null,
    gap text not null,
    item text not null,
    agent_id text,
    quantity numeric,
    known_at timestamptz not null default now(),
    unique nulls not distinct (tenant_id, source, account, usage_date, gap, item, agent_id, quantity)
);
comment on table ledger.known_gaps is
'Days without a whole pull and usage not billed, as they stood at the approvals since known_at. Without a tenant: nobody''s.';
comment on column ledger.known_gaps.gap is 'The state of the day, or the reason why the usage is not billed.';

-- What the finance pack of a closed period was drawn from: late data may move a margin, never a pack handed over.
create table ledger.packs (
    tenant_id text not null,
    period_start date not null,
    manifest_hash text not null,
    content text not null,
    content_hash text not null,
    frozen_at timestamptz not null default now(),
    primary key (tenant_id, period_start, manifest_hash),
    foreign key (tenant_id, period_start) references ledger.periods
);
comment on table ledger.packs is
'One row per pack of a closed period; manifest_hash tells a period closed again after it was reopened. Insert only.';
create trigger insert_only before update or delete or truncate on ledger.packs
for each statement execute function ledger.refuse_change();

create table ledger.quota_alerts (
    alert_id bigint generated always as identity primary key,
    tenant_id text not null references control.tenants,
    period_start date not null,
    quota text not null check (quota <> ''),
    threshold int not null check (threshold in (50, 80, 100)),
    event text not null check (event in ('crossed', 'recovered')),
    used numeric not null,
    allowed numeric not null,
    unit text not null,
    happened_at timestamptz not null default clock_timestamp()
);
create index quota_alerts_latest on ledger.quota_alerts (tenant_id, period_start, quota, threshold, alert_id desc);
comment on table ledger.quota_alerts is
'One row per crossing of a share of an allowance (quota is the meter) or of the spend limit (quota is "spend"), and one'
' when a restated day takes it back. used and allowed are in unit.';

-- In whose name statements are handed out. A tenant's own brand counts before that of the deployment, whose tenant_id is null.
create table control.brands (
    brand_id bigint generated always as identity primary key,
    tenant_id text references control.tenants,
    name text not null check (name <> '' and length(name) <= 120),
    accent text not null default '#1f5f66' check (accent ~ '^#[0-9a-f]{6}$'),
    logo bytea check (length(logo) <= 65536),
    logo_kind text check (logo_kind in ('png', 'svg')),
    address text not null default '' check (length(address) <= 500),
    note text not null default '' check (length(note) <= 500),
    number_prefix text not null default '' check (number_prefix ~ '^[A-Za-z0-9-]{0,20}$'),
    is_tax_invoice boolean not null default false,
    host text unique check (host ~ '^[a-z0-9][a-z0-9.-]{0,252}$'),
    mail_from text check (mail_from <> '' and length(mail_from) <= 320),
    unique nulls not distinct (tenant_id),
    check ((logo is null) = (logo_kind is null))
);
comment on column control.brands.accent is 'A colour that white text is read on; the command line measures it.';
comment on column control.brands.host is 'The name at which its people reach the pages, without a port: who signs in there sees it.';
comment on column control.brands.mail_from is 'In whose name its people are sent mail; null: in the deployment''s.';
comment on column control.brands.is_tax_invoice is 'Whether what is handed out is a tax invoice; otherwise it says that it is none.';
create trigger audit after insert or update or delete on control.brands
for each row execute function ledger.record_audit();

-- What was handed out: the number given at the first approval, kept on reopening with the next revision, and what a client
-- reads, its brand included, as it was then.
create table ledger.issued_statements (
    tenant_id text not null,
    period_start date not null,
    revision int not null check (revision > 0),
    place int not null,
    number text not null,
    issued_at timestamptz not null default now(),
    issued_by text not null,
    manifest_hash text not null,
    content jsonb not null,
    primary key (tenant_id, period_start, revision),
    foreign key (tenant_id, period_start) references ledger.periods
);
create unique index a_number_is_given_once on ledger.issued_statements (number) where revision = 1;
create unique index a_place_is_given_once on ledger.issued_statements (place) where revision = 1;
comment on table ledger.issued_statements is 'Each approval hands out a revision. Never updated or deleted, reopened or not.';
comment on column ledger.issued_statements.place is 'Counted from 1 over all tenants, without gaps; the number ends with it.';
create trigger audit after insert on ledger.issued_statements
for each row execute function ledger.record_audit();
create trigger insert_only before update or delete or truncate on ledger.issued_statements
for each statement execute function ledger.refuse_change();
