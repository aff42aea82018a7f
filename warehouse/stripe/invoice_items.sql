-- name: owed
-- What no meter can carry, of approved periods: one row per statement line whose invoice items do not add up to it.
with billable as (
    select tenant_id, stripe_customer_id, anchor_day
    from control.tenants
    where
        feature_flags @> '{"stripe_posting": true}'
        and stripe_customer_id is not null
        and (%(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s))
),

frozen as (
    select p.tenant_id, p.period_start, p.period_end
    from ledger.periods as p
    where p.state in ('approved', 'closed')
),

lines as (
    select l.line_id, l.tenant_id, l.period_start, l.amount, l.currency, l.line_kind, l.corrects_line_id,
        l.service_period_start, l.service_period_end
    from ledger.statement_lines as l
    where l.line_kind in ('setup', 'minimum', 'credit', 'adjustment')
),

sent as (
    select item_key, sum(amount) filter (where state = 'accepted') as amount, max(version) as version,
        bool_or(state = 'pending') as is_pending,
        max(tenant_id) as tenant_id, max(period_start) as period_start,
        max(currency) as currency, max(line_id) as line_id, max(service_period_start) as service_period_start,
        max(service_period_end) as service_period_end
    from ledger.invoice_items
    where item_kind <> 'coverage'
    group by item_key
),

owed as (
    select
        coalesce(l.line_id, s.item_key) as item_key,
        coalesce(l.line_id, s.line_id) as line_id,
        coalesce(l.tenant_id, s.tenant_id) as tenant_id,
        coalesce(l.period_start, s.period_start) as period_start,
        coalesce(l.amount, 0) - coalesce(s.amount, 0) + coalesce(a.amount, 0) as amount,
        coalesce(l.currency, s.currency) as currency,
        l.line_kind,
        l.corrects_line_id,
        coalesce(l.service_period_start, s.service_period_start) as service_period_start,
        coalesce(l.service_period_end, s.service_period_end) as service_period_end,
        coalesce(s.version, 0) + 1 as version,
        coalesce(s.is_pending, false) as is_pending
    from lines as l
    full join sent as s on l.line_id = s.item_key
    -- By so much a person left Stripe's side of the line above ours.
    left join ledger.stripe_acceptances as a on coalesce(l.line_id, s.item_key) = a.subject
)

select
    o.item_key,
    o.line_id,
    o.tenant_id,
    o.period_start,
    f.period_end,
    o.amount,
    o.currency,
    coalesce(o.line_kind, 'line') as line_kind,
    o.corrects_line_id,
    o.service_period_start,
    o.service_period_end,
    o.version,
    -- The plan that was in force when the corrected period began says so, whatever it or the tenant's plan says by now.
    coalesce((
        select t.gives_credit_notes from control.plan_terms as t
        where
            t.valid_from <= o.service_period_start
            and t.plan_id = (
                select c.plan_id from control.tenant_plans as c
                where c.tenant_id = o.tenant_id and c.valid_from <= o.service_period_start
                order by c.valid_from desc
                limit 1
            )
        order by t.valid_from desc
        limit 1
    ), false) as gives_credit_notes,
    b.stripe_customer_id,
    b.anchor_day
from owed as o
inner join frozen as f on o.tenant_id = f.tenant_id and o.period_start = f.period_start
inner join billable as b on o.tenant_id = b.tenant_id
where o.amount <> 0 and not o.is_pending
order by o.tenant_id, o.period_start, o.item_key;

-- name: metered
-- Overage of approved statements, and whatever was posted of their days, that is not known to be billed by a final invoice.
with late as (
    -- Periods whose invoice stayed a draft for long, or became final lately: however old, it may charge otherwise than we know.
    select distinct p.tenant_id, p.period_start
    from ledger.periods as p
    inner join ledger.stripe_invoice_states as i
        on
            p.tenant_id = i.tenant_id
            and i.period_start < extract(epoch from p.period_end)
            and i.period_end > extract(epoch from p.period_start)
    where i.status = 'draft' or i.finalized_at >= %(since)s
),

days as (
    select
        p.tenant_id,
        p.period_start,
        q.meter_id,
        q.usage_date,
        coalesce((array_agg(q.value order by q.version desc) filter (where q.state = 'accepted'))[1], 0) as value,
        (array_agg(q.stripe_customer_id order by q.version desc) filter (where q.state = 'accepted'))[1] as customer,
        coalesce((
            array_agg(ledger.is_of_another_account(q.stripe_account, q.is_live) order by q.version desc)
            filter (where q.state = 'accepted' and q.value > 0)
        )[1], false) as is_elsewhere,
        bool_or(q.state = 'pending') as is_in_flight
    from ledger.periods as p
    inner join ledger.postings as q
        on p.tenant_id = q.tenant_id and q.usage_date >= p.period_start and q.usage_date < p.period_end
    where
        p.state in ('approved', 'closed')
        and (
            greatest(p.period_end, p.changed_at::date) >= %(since)s
            or (p.tenant_id, p.period_start) in (select l.tenant_id, l.period_start from late as l)
        )
        and not exists (
            select 1 from ledger.stripe_charges as c
            where
                c.tenant_id = p.tenant_id and c.meter_id = q.meter_id and c.period_start = p.period_start
                and c.is_final
        )
    group by p.tenant_id, p.period_start, q.meter_id, q.usage_date
),

by_customer as (
    select
        tenant_id,
        period_start,
        meter_id,
        customer,
        sum(value) as quantity,
        bool_or(is_in_flight) as is_in_flight,
        bool_or(is_elsewhere) as is_elsewhere
    from days
    group by tenant_id, period_start, meter_id, customer
),

held as (
    select
        tenant_id,
        period_start,
        meter_id,
        coalesce(jsonb_object_agg(customer, quantity) filter (where customer is not null), '{}') as held,
        bool_or(is_in_flight) as is_in_flight,
        bool_or(is_elsewhere) as is_elsewhere
    from by_customer
    group by tenant_id, period_start, meter_id
),

keys as (
    select tenant_id, period_start, meter_id from held
    union
    select tenant_id, period_start, meter_id from ledger.coverage
    where
        owed <> 0
        or (
            not is_final
            and (
                greatest(period_end, changed_at::date) >= %(since)s
                or (tenant_id, period_start) in (select l.tenant_id, l.period_start from late as l)
            )
        )
)

select
    k.tenant_id,
    k.period_start,
    p.period_end,
    k.meter_id,
    coalesce(c.line_id, k.tenant_id || '/' || k.period_start || '/overage/' || k.meter_id) as line_id,
    coalesce(c.amount, 0) as amount,
    coalesce(h.held, '{}') as held,
    coalesce(c.covered, 0) as covered,
    coalesce(c.version, 1) as version,
    coalesce(c.is_pending, false) as is_pending,
    coalesce(h.is_in_flight, false) as is_in_flight,
    coalesce(h.is_elsewhere, false) as is_elsewhere,
    c.charged,
    coalesce(c.is_final, false) as is_final,
    t.currency,
    t.stripe_customer_id,
    t.anchor_day,
    coalesce(m.stripe_event_name, '') as event_name
from keys as k
inner join ledger.periods as p on k.tenant_id = p.tenant_id and k.period_start = p.period_start
inner join control.tenants as t on k.tenant_id = t.tenant_id
inner join control.meters as m on k.meter_id = m.meter_id
left join ledger.coverage as c
    on k.tenant_id = c.tenant_id and k.period_start = c.period_start and k.meter_id = c.meter_id
left join held as h
    on k.tenant_id = h.tenant_id and k.period_start = h.period_start and k.meter_id = h.meter_id
where
    t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and (%(tenant_ids)s::text [] is null or k.tenant_id = any(%(tenant_ids)s))
order by k.tenant_id, k.period_start, k.meter_id;

-- name: put_charge
insert into ledger.stripe_charges (tenant_id, meter_id, period_start, charged, is_final, read_at)
values (%(tenant_id)s, %(meter_id)s, %(period_start)s, %(charged)s, %(is_final)s, %(now)s)
on conflict (tenant_id, meter_id, period_start) do update
set charged = excluded.charged, is_final = excluded.is_final, read_at = excluded.read_at;

-- name: waiting
-- One line of what is owed, in flight, or not compared with Stripe yet; none if Stripe charges what the statements say.
-- Until an invoice is final it is looked at again some times a day.
with late as (
    -- Periods whose invoice stayed a draft for long, or became final lately: however old, it may charge otherwise than we know.
    select distinct p.tenant_id, p.period_start
    from ledger.periods as p
    inner join ledger.stripe_invoice_states as i
        on
            p.tenant_id = i.tenant_id
            and i.period_start < extract(epoch from p.period_end)
            and i.period_end > extract(epoch from p.period_start)
    where i.status = 'draft' or i.finalized_at >= %(since)s
)

select i.line_id
from ledger.invoice_items as i
inner join control.tenants as t on i.tenant_id = t.tenant_id
where i.state = 'pending' and t.feature_flags @> '{"stripe_posting": true}'
union all
select c.line_id
from ledger.coverage as c
inner join control.tenants as t on c.tenant_id = t.tenant_id
where
    t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and (
        c.owed <> 0
        or (
            not c.is_final
            and (
                greatest(c.period_end, c.changed_at::date) >= %(since)s
                or (c.tenant_id, c.period_start) in (select l.tenant_id, l.period_start from late as l)
            )
            and coalesce(c.read_at < %(stale)s, true)
        )
    )
limit 1;

-- name: commit
-- The newest version, where Stripe refused that and it says the same, or where Stripe holds it with another amount and a
-- person must correct it there first; else a new one. Returns what is to be sent.
with again as (
    update ledger.invoice_items
    set state = 'pending', attempt = attempt + 1, cause_code = null, cause = null
    where
        item_key = %(item_key)s
        and version = %(version)s - 1
        and state = 'refused'
        and not ledger.is_of_another_account(stripe_account, is_live)
        and (
            cause_code = 'differs_at_stripe'
            or (
                amount = %(amount)s
                and item_kind = %(item_kind)s
                and stripe_customer_id = %(stripe_customer_id)s
                and corrects_invoice_id is not distinct from %(corrects_invoice_id)s
            )
        )
    returning amount, item_kind, stripe_customer_id, corrects_invoice_id, identifier, version, attempt
),

added as (
    insert into ledger.invoice_items (
        item_key, version, tenant_id, period_start, line_id, item_kind, amount, currency, service_period_start,
        service_period_end, stripe_customer_id, corrects_invoice_id, identifier, committed_at
    )
    select
        %(item_key)s, %(version)s, %(tenant_id)s, %(period_start)s, %(line_id)s, %(item_kind)s, %(amount)s,
        %(currency)s, %(service_period_start)s, %(service_period_end)s, %(stripe_customer_id)s,
        %(corrects_invoice_id)s, %(identifier)s, %(now)s
    where not exists (select from again)
    returning amount, item_kind, stripe_customer_id, corrects_invoice_id, identifier, version, attempt
)

select * from again
union all
select * from added;

-- name: pending
select
    i.item_key,
    i.version,
    i.tenant_id,
    i.period_start,
    i.line_id,
    i.item_kind,
    i.amount,
    i.currency,
    i.service_period_start,
    i.service_period_end,
    i.stripe_customer_id,
    i.corrects_invoice_id,
    i.identifier,
    i.attempt,
    ledger.is_of_another_account(i.stripe_account, i.is_live) as is_elsewhere,
    (
        date_trunc('month', i.period_start - t.anchor_day + 1) + interval '1 month'
        + (t.anchor_day - 1) * interval '1 day'
    )::date as period_end
from ledger.invoice_items as i
inner join control.tenants as t on i.tenant_id = t.tenant_id
where
    i.state = 'pending'
    and (%(tenant_ids)s::text [] is null or i.tenant_id = any(%(tenant_ids)s))
order by i.invoice_item_id;

-- name: record
update ledger.invoice_items
set state = %(state)s, stripe_id = %(stripe_id)s, cause_code = %(cause_code)s, cause = %(cause)s,
    posted_at = case when %(state)s = 'accepted' then %(now)s::timestamptz end
where identifier = %(identifier)s and state = 'pending';

-- name: items
-- What the ledger knows of items and notes; there: what became of each in the account that holds it, as last read.
select
    i.tenant_id, i.identifier, i.item_key, i.item_kind, i.line_id, i.period_start, i.amount, i.state, i.stripe_id,
    i.cause_code, i.cause, i.corrects_invoice_id, i.stripe_account, i.is_live,
    ledger.is_of_another_account(i.stripe_account, i.is_live) as is_elsewhere,
    coalesce(s.state, 'pending') as there, s.invoice_id as there_invoice, coalesce(s.read_at, i.posted_at) as there_at
from ledger.invoice_items as i
left join ledger.stripe_item_states as s on i.identifier = s.identifier
where %(tenant_ids)s::text [] is null or i.tenant_id = any(%(tenant_ids)s)
order by i.invoice_item_id;

-- name: items_elsewhere
-- Items of the tenants that are billed which another account or mode accepted.
select
    i.identifier, i.item_kind, i.line_id, i.stripe_id, i.stripe_account, i.is_live, t.anchor_day,
    coalesce(s.state, 'pending') as there, coalesce(s.read_at, i.posted_at) as there_at
from ledger.invoice_items as i
inner join control.tenants as t on i.tenant_id = t.tenant_id
left join ledger.stripe_item_states as s on i.identifier = s.identifier
where
    i.state = 'accepted'
    and ledger.is_of_another_account(i.stripe_account, i.is_live)
    and t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and (%(tenant_ids)s::text [] is null or i.tenant_id = any(%(tenant_ids)s))
order by i.invoice_item_id;

-- name: put_item_state
insert into ledger.stripe_item_states (identifier, tenant_id, state, invoice_id, read_at)
values (%(identifier)s, %(tenant_id)s, %(state)s, %(invoice)s, %(now)s)
on conflict (identifier) do update
set state = excluded.state, invoice_id = excluded.invoice_id, read_at = excluded.read_at;

-- name: lose_items
update ledger.invoice_items
set state = 'lost', cause_code = %(code)s, cause = %(cause)s
where identifier = any(%(identifiers)s) and state = 'accepted';

-- name: next_version
select coalesce(max(version), 0) + 1 as version
from ledger.invoice_items
where item_key = %(item_key)s;

-- name: ask_again
update ledger.invoice_items
set attempt = attempt + 1
where identifier = %(identifier)s and state = 'pending'
returning attempt;
