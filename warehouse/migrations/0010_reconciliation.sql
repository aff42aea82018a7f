-- Marts, postings and Stripe held against each other, day by day; and every line of Stripe's final invoices against the
-- statement it is of.

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

-- The one comparison of marts, postings and Stripe: the command, the check and the mart all read this. It is a function since
-- the marts' tables come and go with each build.
create function ledger.reconciliation(today date, only_tenants text[] default null)
returns table (
    tenant_id text,
    meter_id text,
    usage_date date,
    period_start date,
    ours numeric,
    posted numeric,
    stripe numeric,
    difference numeric,
    age_days int,
    posting_state text,
    cause_code text,
    cause text,
    posted_at timestamptz,
    read_at timestamptz,
    is_approved boolean,
    finding text
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
    return query
    with billed as (
        select t.tenant_id, t.anchor_day
        from control.tenants as t
        where
            t.feature_flags @> '{"stripe_posting": true}'
            and (only_tenants is null or t.tenant_id = any(only_tenants))
    ),

    told as (
        select
            o.tenant_id,
            o.meter_id,
            o.usage_date,
            o.period_start,
            o.overage_quantity as wanted,
            o.is_complete,
            null::bigint as posting_id,
            null::bigint as accepted_id,
            null::numeric as stripe,
            null::timestamptz as read_at
        from marts.fct_overages_daily as o
        where
            (o.overage_quantity > 0 or not o.is_complete)
            and (only_tenants is null or o.tenant_id = any(only_tenants))
        union all
        -- Versions of a day are committed one after the other: the last has the highest id.
        select
            q.tenant_id,
            q.meter_id,
            q.usage_date,
            null,
            null,
            null,
            max(q.posting_id),
            max(q.posting_id) filter (where q.state = 'accepted'),
            null,
            null
        from ledger.postings as q
        where only_tenants is null or q.tenant_id = any(only_tenants)
        group by q.tenant_id, q.meter_id, q.usage_date
        union all
        select s.tenant_id, s.meter_id, s.usage_date, null, null, null, null, null, s.value, s.read_at
        from ledger.stripe_day_summaries as s
        where only_tenants is null or s.tenant_id = any(only_tenants)
    ),

    days as (
        select
            d.tenant_id,
            d.meter_id,
            d.usage_date,
            max(d.period_start) as period_start,
            coalesce(max(d.wanted), 0) as wanted,
            coalesce(bool_and(d.is_complete), true) as is_complete,
            max(d.posting_id) as posting_id,
            max(d.accepted_id) as accepted_id,
            coalesce(max(d.stripe), 0) as stripe,
            max(d.read_at) as read_at
        from told as d
        inner join billed as b on d.tenant_id = b.tenant_id
        group by d.tenant_id, d.meter_id, d.usage_date
        having max(d.wanted) > 0 or max(d.posting_id) is not null or max(d.stripe) is not null
    ),

    sides as (
        select
            d.tenant_id,
            d.meter_id,
            d.usage_date,
            coalesce(
                p.period_start,
                d.period_start,
                (
                    date_trunc('month', (d.usage_date - b.anchor_day + 1)::timestamp)
                    + (b.anchor_day - 1) * interval '1 day'
                )::date
            ) as period_start,
            coalesce(p.state in ('approved', 'closed'), false) as is_approved,
            d.wanted,
            d.is_complete,
            coalesce(a.value, 0) as posted,
            d.stripe,
            today - d.usage_date as age_days,
            l.state,
            l.value,
            l.cause_code,
            l.cause,
            a.posted_at,
            d.read_at
        from days as d
        inner join billed as b on d.tenant_id = b.tenant_id
        left join ledger.postings as l on d.posting_id = l.posting_id
        left join ledger.postings as a on d.accepted_id = a.posting_id
        left join ledger.periods as p
            on d.tenant_id = p.tenant_id and d.usage_date >= p.period_start and d.usage_date < p.period_end
    ),

    -- What an approved period posted is frozen: what changes later is its adjustments. A day that is not complete waits.
    compared as (
        select
            s.*,
            case when s.is_approved or not s.is_complete then s.posted else s.wanted end as ours,
            coalesce(c.owed = 0 and not c.is_pending, false) as is_settled,
            coalesce(c.is_final, false) as is_final
        from sides as s
        left join ledger.coverage as c
            on s.is_approved and s.tenant_id = c.tenant_id and s.meter_id = c.meter_id and s.period_start = c.period_start
    )

    select
        c.tenant_id,
        c.meter_id,
        c.usage_date,
        c.period_start,
        c.ours,
        c.posted,
        c.stripe,
        c.stripe - c.ours,
        c.age_days,
        c.state,
        c.cause_code,
        c.cause,
        c.posted_at,
        c.read_at,
        c.is_approved,
        case
            when c.state = 'pending' then 'in flight'
            when
                c.ours = c.posted and c.posted = c.stripe and c.state is distinct from 'lost'
                and (not c.is_approved or coalesce(c.state, 'accepted') = 'accepted')
                then 'equal'
            -- The tenant pays the statement, by Stripe's lines and our items; no value changes that any more.
            when c.is_settled and (c.is_final or c.state in ('uncovered', 'refused')) then 'billed'
            when c.is_approved and c.state in ('uncovered', 'refused') then 'uncovered'
            when c.state = 'uncovered' and (c.ours = c.posted or c.value = c.wanted) then 'uncovered'
            when c.age_days > 35 then 'uncovered'
            when c.ours <> c.posted or c.state = 'lost' then 'not posted'
            -- Stripe's summaries are eventually consistent; how late is not stated, so what was read within the hour is not red.
            when c.posted_at is not null and coalesce(c.read_at < c.posted_at + interval '1 hour', true) then 'settling'
            when c.stripe < c.ours then 'missing'
            else 'extra'
        end
    from compared as c;
end
$$;
comment on function ledger.reconciliation(date, text[]) is
'Per tenant, meter and day: what the marts want, what we posted, what Stripe held when it was last read, and what that means:'
' equal, billed (by Stripe''s invoice and our items), settling, in flight, not posted, uncovered, missing, extra.';

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
