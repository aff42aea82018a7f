-- What was sent to Stripe, what Stripe told us, and what we last read there. A row is committed before its call, so
-- that after a crash the same row is sent again; its identity never changes, only what became of it.

-- Which account of Stripe's, and which mode of it, everything was sent to and read from: a key of another one must neither
-- be posted to nor be taken for the one that holds our values, until a person says so.
create table ledger.stripe_accounts (
    adoption int primary key check (adoption > 0),
    account_id text not null check (account_id <> ''),
    is_live boolean not null,
    adopted_at timestamptz not null
);
comment on table ledger.stripe_accounts is
'Accounts that were adopted, the newest last: only it is posted to and read. The first key adopts its own.';
create trigger insert_only before update or delete or truncate on ledger.stripe_accounts
for each statement execute function ledger.refuse_change();
create trigger audit after insert on ledger.stripe_accounts
for each row execute function ledger.record_audit();

create table ledger.stripe_keys (
    key_digest text primary key,
    account_id text not null,
    is_live boolean not null,
    seen_at timestamptz not null
);
comment on table ledger.stripe_keys is
'Whose each key is, by a digest of the key, as Stripe said once: a key never moves to another account.';

-- Who posts holds the posting lock, and so does who adopts: what is adopted is what the row is sent to.
create function ledger.stamp_stripe_account() returns trigger language plpgsql set search_path = '' as $$
begin
    select a.account_id, a.is_live into new.stripe_account, new.is_live
    from ledger.stripe_accounts as a
    order by a.adoption desc
    limit 1;
    return new;
end
$$;

create function ledger.is_of_another_account(stripe_account text, is_live boolean) returns boolean
language sql stable set search_path = '' as $$
    select coalesce((
        select coalesce($1 <> a.account_id, false) or coalesce($2 <> a.is_live, false)
        from ledger.stripe_accounts as a
        order by a.adoption desc
        limit 1
    ), false)
$$;
comment on function ledger.is_of_another_account(text, boolean) is
'Whether something is of another Stripe account or mode than the one that is adopted now.';

create table ledger.postings (
    posting_id bigint generated always as identity primary key,
    tenant_id text not null references control.tenants,
    meter_id text not null references control.meters,
    usage_date date not null,
    version int not null check (version > 0),
    value numeric not null check (value >= 0),
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
    stripe_account text,
    is_live boolean,
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
comment on column ledger.postings.stripe_account is 'Where it was sent, with is_live; null where no account was adopted yet.';

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
create trigger stamp before insert on ledger.postings
for each row execute function ledger.stamp_stripe_account();

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
    -- lost: it was accepted and is gone, its invoice voided or itself deleted; it counts no more, and its line owes again.
    state text not null default 'pending' check (state in ('pending', 'accepted', 'refused', 'lost')),
    stripe_id text unique,
    cause_code text,
    cause text,
    committed_at timestamptz not null,
    posted_at timestamptz,
    -- What Stripe refused is asked for again as the very row: a version of it for each time added up to thousands.
    attempt int not null default 1 check (attempt > 0),
    stripe_account text,
    is_live boolean,
    unique (item_key, version),
    constraint invoice_items_known_at_stripe check ((state in ('accepted', 'lost')) = (stripe_id is not null)),
    check ((item_kind = 'credit_note') = (corrects_invoice_id is not null))
);
create unique index invoice_items_one_pending on ledger.invoice_items (item_key) where state = 'pending';
comment on table ledger.invoice_items is
'What no meter can carry. Versions of an item_key add up to the amount its statement line owes; amount may be negative.';
comment on column ledger.invoice_items.attempt is
'How often it was asked for: once, and once more after each refusal. Told to Stripe in the Idempotency-Key alone.';
comment on column ledger.invoice_items.stripe_account is
'Where it was sent, with is_live; null where no account was adopted yet.';

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
        or old.state = 'lost'
        or (old.state = 'accepted' and (new.state <> 'lost' or new.stripe_id is distinct from old.stripe_id)) then
        raise exception 'an invoice item never changes what it says' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
create trigger guard before update or delete on ledger.invoice_items
for each row execute function ledger.guard_invoice_item();
create trigger keep before truncate on ledger.invoice_items
for each statement execute function ledger.refuse_change();
create trigger stamp before insert on ledger.invoice_items
for each row execute function ledger.stamp_stripe_account();

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
    is_live boolean,
    stripe_account text,
    state text not null default 'received' check (state in ('received', 'processed', 'failed')),
    processed_at timestamptz,
    cause text,
    check ((state = 'processed') = (processed_at is not null)),
    check ((state = 'failed') = (cause is not null))
);
create index stripe_events_waiting on ledger.stripe_events (received_at) where state <> 'processed';
create index stripe_events_by_object on ledger.stripe_events (object_id);
comment on table ledger.stripe_events is
'Stripe''s webhooks, once each. facts are the few fields that are used; names and addresses are not kept. Of another account or'
' mode than is billed in, they change nothing.';
comment on column ledger.stripe_events.stripe_account is
'The connected account it is of, else the one that was adopted when it came; with is_live, its mode.';

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
    kind text not null check (
        kind in ('meters', 'products', 'prices', 'price', 'customer', 'subscriptions', 'invoices', 'upcoming')
    ),
    cache_key text not null,
    body jsonb not null,
    read_at timestamptz not null,
    invalidated_at timestamptz,
    stripe_account text,
    is_live boolean,
    primary key (kind, cache_key)
);
comment on table ledger.stripe_cache is
'What Stripe said, for a while. Stripe is the source of truth of all of it. A body of null was changed before it was read.';
comment on column ledger.stripe_cache.stripe_account is 'Whose word it is, with is_live; of another account it is not served.';

-- An invoice's state and payments are settled by reading Stripe; what its webhooks said since only makes it sooner, and
-- follows from the set of its events alone: replays and disorder change nothing.
create table ledger.stripe_invoice_states (
    invoice_id text primary key,
    tenant_id text not null references control.tenants,
    stripe_customer_id text not null,
    period_start bigint not null,
    period_end bigint not null,
    currency text not null,
    status text not null,
    total_minor bigint not null,
    finalized_at timestamptz,
    paid_at timestamptz,
    number text,
    hosted_url text,
    read_at timestamptz not null
);
comment on column ledger.stripe_invoice_states.hosted_url is
'Stripe''s page of the invoice: whoever has its address sees the invoice and can pay it.';
comment on table ledger.stripe_invoice_states is
'Each invoice of a billed tenant as Stripe showed it when it was last read. Amounts in minor units, periods in Unix seconds.';

create table ledger.stripe_item_states (
    identifier text primary key,
    tenant_id text not null references control.tenants,
    state text not null check (state in ('pending', 'draft', 'open', 'paid', 'uncollectible', 'void')),
    invoice_id text,
    read_at timestamptz not null
);
comment on table ledger.stripe_item_states is
'Each invoice item and credit note of ours as Stripe showed it when it was last read: pending, or the state of its invoice.'
' Once another account is billed in, it is shown no more.';

create view ledger.stripe_invoices with (security_invoker = true) as
with invoices as (
    select object_id as invoice_id
    from ledger.stripe_events
    where
        event_type like 'invoice.%' and object_id is not null
        and not ledger.is_of_another_account(stripe_account, is_live)
    union
    select invoice_id
    from ledger.stripe_invoice_states
),

joined as (
    select
        i.invoice_id,
        t.*,
        s.tenant_id as read_tenant_id,
        s.stripe_customer_id as read_customer_id,
        s.period_start as read_period_start,
        s.period_end as read_period_end,
        s.currency as read_currency,
        s.status as read_status,
        s.total_minor as read_total_minor,
        s.finalized_at as read_finalized_at,
        s.paid_at as read_paid_at,
        s.number as read_number,
        s.hosted_url as read_hosted_url,
        s.read_at,
        s.invoice_id is not null and coalesce(t.reported_at <= s.read_at, true) as is_read
    from invoices as i
    left join ledger.stripe_invoice_states as s on i.invoice_id = s.invoice_id
    -- Of each invoice by itself, so that a few of them are found without reading the events of all.
    cross join lateral (
        select
            max(e.tenant_id) as tenant_id,
            max(e.stripe_customer_id) as stripe_customer_id,
            max((e.facts ->> 'period_start')::bigint) as period_start,
            max((e.facts ->> 'period_end')::bigint) as period_end,
            max(e.facts ->> 'currency') as currency,
            case
                when bool_or(e.event_type = 'invoice.voided') then 'void'
                when bool_or(e.event_type = 'invoice.paid') then 'paid'
                when bool_or(e.event_type = 'invoice.marked_uncollectible') then 'uncollectible'
                when bool_or(e.event_type in ('invoice.finalized', 'invoice.payment_failed')) then 'open'
                else 'draft'
            end as status,
            (array_agg((e.facts ->> 'total')::bigint order by e.happened_at desc, e.event_id desc))[1] as total_minor,
            max(e.facts ->> 'number') as number,
            (
                array_agg(e.facts ->> 'hosted_invoice_url' order by e.happened_at desc, e.event_id desc)
                filter (where e.facts ? 'hosted_invoice_url')
            )[1] as hosted_url,
            min(e.happened_at) filter (where e.event_type = 'invoice.finalized') as finalized_at,
            min(e.happened_at) filter (where e.event_type = 'invoice.paid') as paid_at,
            count(*) filter (where e.event_type = 'invoice.payment_failed') as failed_payments,
            max(e.happened_at) as reported_at
        from ledger.stripe_events as e
        where
            e.object_id = i.invoice_id
            and e.event_type like 'invoice.%'
            and not ledger.is_of_another_account(e.stripe_account, e.is_live)
    ) as t
)

select
    invoice_id,
    coalesce(read_tenant_id, tenant_id) as tenant_id,
    coalesce(read_customer_id, stripe_customer_id) as stripe_customer_id,
    coalesce(read_period_start, period_start) as period_start,
    coalesce(read_period_end, period_end) as period_end,
    coalesce(read_currency, currency) as currency,
    case when is_read then read_status else status end as status,
    case when is_read then read_total_minor else coalesce(total_minor, read_total_minor) end as total_minor,
    coalesce(read_finalized_at, finalized_at) as finalized_at,
    coalesce(read_paid_at, paid_at) as paid_at,
    failed_payments,
    coalesce(read_number, number) as number,
    case when is_read then read_hosted_url else coalesce(hosted_url, read_hosted_url) end as hosted_url,
    greatest(reported_at, read_at) as as_of,
    read_at
from joined;
comment on view ledger.stripe_invoices is
'One row per Stripe invoice: as it was read, and what its events since, in any order, say of it. Amounts in minor units.';
