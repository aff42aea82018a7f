-- What was sent to Stripe, what Stripe told us, and what we last read there. A row is committed before its call, so
-- that after a crash the same row is sent again; its identity never changes, only what became of it.

create table ledger.postings (
    posting_id bigint generated always as identity primary key,
    tenant_id text not null references control.tenants,
    meter_id text not null references control.meters,
    usage_date date not null,
    version int not null check (version > 0),
    value bigint not null check (value >= 0),
    stripe_customer_id text not null check (stripe_customer_id <> ''),
    event_name text not null check (event_name <> ''),
    identifier text not null unique,
    state text not null default 'pending'
    check (state in ('pending', 'accepted', 'refused', 'lost', 'uncovered')),
    cause_code text,
    cause text,
    committed_at timestamptz not null,
    posted_at timestamptz,
    resolved_at timestamptz,
    unique (tenant_id, meter_id, usage_date, version),
    check ((state = 'pending') = (resolved_at is null)),
    check (state <> 'accepted' or posted_at is not null),
    check ((state in ('refused', 'lost', 'uncovered')) = (cause_code is not null))
);
create unique index postings_one_pending on ledger.postings (tenant_id, meter_id, usage_date) where state = 'pending';
create index postings_by_day on ledger.postings (usage_date);
comment on table ledger.postings is
'"Overage of this tenant, meter and day is now value." pending: committed, outcome unknown; accepted: Stripe has it;'
' refused: Stripe has not, and a person must repair what cause names; lost: its identifier can do no more and it is not'
' known to have arrived, the next version settles it; uncovered: no meter can carry it, approval bills it.';

create table ledger.invoice_items (
    invoice_item_id bigint generated always as identity primary key,
    item_key text not null,
    version int not null check (version > 0),
    tenant_id text not null references control.tenants,
    period_start date not null,
    line_id text not null,
    item_kind text not null check (item_kind in ('line', 'coverage', 'credit_note')),
    amount numeric not null check (amount <> 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    service_period_start date not null,
    service_period_end date not null,
    stripe_customer_id text not null,
    corrects_invoice_id text,
    identifier text not null unique,
    state text not null default 'pending' check (state in ('pending', 'accepted', 'refused')),
    stripe_id text unique,
    cause_code text,
    cause text,
    committed_at timestamptz not null,
    posted_at timestamptz,
    unique (item_key, version),
    check ((state = 'accepted') = (stripe_id is not null)),
    check ((item_kind = 'credit_note') = (corrects_invoice_id is not null))
);
create unique index invoice_items_one_pending on ledger.invoice_items (item_key) where state = 'pending';
comment on table ledger.invoice_items is
'What no meter can carry. Versions of an item_key add up to the amount its statement line owes; amount may be negative.';

create table ledger.stripe_events (
    event_id text primary key,
    event_type text not null,
    is_thin boolean not null,
    object_id text,
    stripe_customer_id text,
    tenant_id text references control.tenants,
    facts jsonb not null default '{}',
    happened_at timestamptz not null,
    received_at timestamptz not null,
    state text not null default 'received' check (state in ('received', 'processed', 'failed')),
    processed_at timestamptz,
    cause text,
    check ((state = 'processed') = (processed_at is not null)),
    check ((state = 'failed') = (cause is not null))
);
create index stripe_events_waiting on ledger.stripe_events (received_at) where state <> 'processed';
create index stripe_events_by_object on ledger.stripe_events (object_id);
comment on table ledger.stripe_events is
'Stripe''s webhooks, once each. facts are the few fields that are used; names and addresses are not kept.';

create table ledger.stripe_day_summaries (
    tenant_id text not null references control.tenants,
    meter_id text not null references control.meters,
    usage_date date not null,
    value numeric not null,
    read_at timestamptz not null,
    primary key (tenant_id, meter_id, usage_date)
);
comment on table ledger.stripe_day_summaries is 'Stripe''s own day summaries as last read; the third side of reconciliation.';

create table ledger.stripe_cache (
    kind text not null check (kind in ('meters', 'product', 'price', 'customer', 'subscriptions', 'invoices')),
    cache_key text not null,
    body jsonb not null,
    read_at timestamptz not null,
    invalidated_at timestamptz,
    primary key (kind, cache_key)
);
comment on table ledger.stripe_cache is 'What Stripe said, for a while. Stripe is the source of truth of all of it.';

create function ledger.guard_posting() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception '%.% keeps every row', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
    end if;
    if (new.posting_id, new.tenant_id, new.meter_id, new.usage_date, new.version, new.value, new.stripe_customer_id,
        new.event_name, new.identifier, new.committed_at)
        is distinct from
        (old.posting_id, old.tenant_id, old.meter_id, old.usage_date, old.version, old.value, old.stripe_customer_id,
        old.event_name, old.identifier, old.committed_at) then
        raise exception 'a posting never changes what it says' using errcode = 'insufficient_privilege';
    end if;
    -- Stripe validates after it has answered, and a person may find an accepted value missing: only these go back.
    if new.state <> old.state and old.state <> 'pending'
        and not (old.state = 'accepted' and new.state in ('refused', 'lost')) then
        raise exception 'a posting that is % cannot become %', old.state, new.state
        using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
create trigger guard before update or delete on ledger.postings
for each row execute function ledger.guard_posting();
create trigger keep before truncate on ledger.postings
for each statement execute function ledger.refuse_change();

create function ledger.guard_invoice_item() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception '%.% keeps every row', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
    end if;
    if (new.invoice_item_id, new.item_key, new.version, new.tenant_id, new.line_id, new.amount, new.currency,
        new.identifier)
        is distinct from
        (old.invoice_item_id, old.item_key, old.version, old.tenant_id, old.line_id, old.amount, old.currency,
        old.identifier)
        or old.state = 'accepted' then
        raise exception 'an invoice item never changes what it says' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
create trigger guard before update or delete on ledger.invoice_items
for each row execute function ledger.guard_invoice_item();
create trigger keep before truncate on ledger.invoice_items
for each statement execute function ledger.refuse_change();

-- An invoice's state and payments follow from the set of its events alone: replays and disorder change nothing.
create view ledger.stripe_invoices with (security_invoker = true) as
select
    object_id as invoice_id,
    max(tenant_id) as tenant_id,
    max(stripe_customer_id) as stripe_customer_id,
    max((facts ->> 'period_start')::bigint) as period_start,
    max((facts ->> 'period_end')::bigint) as period_end,
    max(facts ->> 'currency') as currency,
    case
        when bool_or(event_type = 'invoice.voided') then 'void'
        when bool_or(event_type = 'invoice.paid') then 'paid'
        when bool_or(event_type = 'invoice.marked_uncollectible') then 'uncollectible'
        when bool_or(event_type in ('invoice.finalized', 'invoice.payment_failed')) then 'open'
        else 'draft'
    end as status,
    (array_agg((facts ->> 'total')::bigint order by happened_at desc, event_id desc))[1] as total_minor,
    min(happened_at) filter (where event_type = 'invoice.finalized') as finalized_at,
    min(happened_at) filter (where event_type = 'invoice.paid') as paid_at,
    count(*) filter (where event_type = 'invoice.payment_failed') as failed_payments
from ledger.stripe_events
where event_type like 'invoice.%' and object_id is not null
group by object_id;
comment on view ledger.stripe_invoices is 'One row per Stripe invoice: what its events, in any order, say of it. Amounts in minor units.';

do $$
declare
    table_name text;
begin
    foreach table_name in array array['postings', 'invoice_items', 'stripe_events', 'stripe_day_summaries'] loop
        execute format('alter table ledger.%I enable row level security', table_name);
        execute format('alter table ledger.%I force row level security', table_name);
        execute format(
            'create policy processes on ledger.%I to minutebook_transformer, minutebook_billing, minutebook_operator '
            'using (true) with check (true)', table_name
        );
    end loop;
end
$$;

grant select on ledger.postings, ledger.invoice_items, ledger.stripe_events, ledger.stripe_day_summaries,
ledger.stripe_invoices to minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert on ledger.postings, ledger.invoice_items to minutebook_billing;
grant update (state, cause_code, cause, posted_at, resolved_at) on ledger.postings to minutebook_billing;
grant update (state, stripe_id, cause_code, cause, posted_at) on ledger.invoice_items to minutebook_billing;
grant insert on ledger.stripe_events to minutebook_billing;
grant update (state, processed_at, cause, tenant_id, stripe_customer_id, object_id, facts)
on ledger.stripe_events to minutebook_billing;
grant select, insert, update, delete on ledger.stripe_day_summaries, ledger.stripe_cache to minutebook_billing;
