-- What the comparison of marts, postings and Stripe rests on (marts.fct_reconciliation), and every line of Stripe's final
-- invoices against the statement it is of.

-- Until its invoice is final what Stripe charges is an estimate, and afterwards it never changes, so nobody asks for it again.
create table ledger.stripe_charges (
    tenant_id text not null references control.tenants,
    meter_id text not null references control.meters,
    period_start date not null,
    charged numeric not null,
    is_final boolean not null,
    read_at timestamptz not null,
    primary key (tenant_id, meter_id, period_start)
);
comment on table ledger.stripe_charges is
'What Stripe''s invoice charges of a meter for an approved period, in the tenant''s currency; an estimate until is_final.';

-- An approved statement's overage against what Stripe charges of the meter and what our items add: owed is what is left,
-- null until Stripe was asked. A meter is listed where Stripe was asked although the statement has no line of it.
create view ledger.coverage with (security_invoker = true) as
with sides as (
    select
        tenant_id,
        period_start,
        meter_id,
        line_id,
        amount,
        null::numeric as charged,
        null::boolean as is_final,
        null::timestamptz as read_at
    from ledger.statement_lines
    where line_kind = 'overage'
    union all
    select
        tenant_id,
        period_start,
        meter_id,
        null as line_id,
        0 as amount,
        charged,
        is_final,
        read_at
    from ledger.stripe_charges
),

metered as (
    select
        tenant_id,
        period_start,
        meter_id,
        coalesce(max(line_id), tenant_id || '/' || period_start || '/overage/' || meter_id) as line_id,
        sum(amount) as amount,
        max(charged) as charged,
        coalesce(bool_or(is_final), false) as is_final,
        max(read_at) as read_at
    from sides
    group by tenant_id, period_start, meter_id
),

sent as (
    select
        item_key,
        sum(amount) filter (where state = 'accepted') as amount,
        max(version) as version,
        bool_or(state = 'pending') as is_pending
    from ledger.invoice_items
    where item_kind = 'coverage'
    group by item_key
)

select
    m.tenant_id,
    m.period_start,
    p.period_end,
    p.changed_at,
    m.meter_id,
    m.line_id,
    m.amount,
    coalesce(s.amount, 0) as covered,
    coalesce(s.version, 0) + 1 as version,
    coalesce(s.is_pending, false) as is_pending,
    m.charged,
    m.is_final,
    m.read_at,
    m.amount - m.charged - coalesce(s.amount, 0) as owed
from metered as m
inner join ledger.periods as p on m.tenant_id = p.tenant_id and m.period_start = p.period_start
left join sent as s on m.line_id || '/coverage' = s.item_key
where p.state in ('approved', 'closed');
comment on view ledger.coverage is
'One row per tenant, approved period and meter: what the statement says, what Stripe charges, what our items add, what is owed.';

-- Every line of Stripe's final invoices against the statement it is of, as last read; and what a person accepted as it is.
create table ledger.final_lines (
    tenant_id text not null references control.tenants,
    period_start date not null,
    line text not null,
    ours numeric not null,
    stripe numeric not null,
    accepted numeric not null,
    currency text not null,
    invoices text[] not null,
    waits text,
    code text,
    what text,
    what_to_do text,
    read_at timestamptz not null,
    primary key (tenant_id, period_start, line),
    check ((code is null) = (what is null) and (code is null) = (what_to_do is null))
);
comment on table ledger.final_lines is
'One row per line of a statement, and per thing at Stripe that no statement has: ours, Stripe''s, what of the difference was'
' accepted; waits: what is still to come; code: the finding, in words and with the command that resolves it.';

create table ledger.stripe_acceptances (
    subject text primary key check (subject <> ''),
    tenant_id text not null references control.tenants,
    amount numeric not null,
    reason text not null check (trim(reason) <> ''),
    accepted_by text not null,
    accepted_at timestamptz not null
);
comment on table ledger.stripe_acceptances is
'What a person looked at and left as it is: a line of a statement or an object of Stripe''s, and by how much it differs.';
create trigger audit after insert or update or delete on ledger.stripe_acceptances
for each row execute function ledger.record_audit();
