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
        bool_or(state = 'pending') as is_pending, max(tenant_id) as tenant_id, max(period_start) as period_start,
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
        coalesce(l.amount, 0) - coalesce(s.amount, 0) as amount,
        coalesce(l.currency, s.currency) as currency,
        l.line_kind,
        l.corrects_line_id,
        coalesce(l.service_period_start, s.service_period_start) as service_period_start,
        coalesce(l.service_period_end, s.service_period_end) as service_period_end,
        coalesce(s.version, 0) + 1 as version,
        coalesce(s.is_pending, false) as is_pending
    from lines as l
    full join sent as s on l.line_id = s.item_key
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
    b.stripe_customer_id
from owed as o
inner join frozen as f on o.tenant_id = f.tenant_id and o.period_start = f.period_start
inner join billable as b on o.tenant_id = b.tenant_id
where o.amount <> 0 and not o.is_pending
order by o.tenant_id, o.period_start, o.item_key;

-- name: metered
-- What approved statements say of each meter, and what Stripe holds of it by our postings.
with posted as (
    select distinct on (tenant_id, meter_id, usage_date) tenant_id, meter_id, usage_date, value
    from ledger.postings
    where state = 'accepted'
    order by tenant_id, meter_id, usage_date, version desc
),

unsettled as (
    select tenant_id, usage_date from ledger.postings where state = 'pending'
),

held as (
    select p.tenant_id, q.period_start, q.period_end, p.meter_id, sum(p.value)::bigint as quantity
    from ledger.periods as q
    inner join posted as p
        on q.tenant_id = p.tenant_id and p.usage_date >= q.period_start and p.usage_date < q.period_end
    where q.state in ('approved', 'closed') and q.period_end >= %(since)s
    group by p.tenant_id, q.period_start, q.period_end, p.meter_id
),

lines as (
    select l.tenant_id, l.period_start, p.period_end, l.meter_id, l.line_id, l.amount, l.currency
    from ledger.statement_lines as l
    inner join ledger.periods as p on l.tenant_id = p.tenant_id and l.period_start = p.period_start
    where l.line_kind = 'overage' and p.state in ('approved', 'closed') and p.period_end >= %(since)s
),

sent as (
    select item_key, sum(amount) filter (where state = 'accepted') as amount, max(version) as version,
        bool_or(state = 'pending') as is_pending
    from ledger.invoice_items
    where item_kind = 'coverage'
    group by item_key
),

joined as (
    select
        coalesce(l.tenant_id, h.tenant_id) as tenant_id,
        coalesce(l.period_start, h.period_start) as period_start,
        coalesce(l.period_end, h.period_end) as period_end,
        coalesce(l.meter_id, h.meter_id) as meter_id,
        l.line_id,
        coalesce(l.amount, 0) as amount,
        coalesce(h.quantity, 0) as held_quantity
    from lines as l
    full join held as h on l.tenant_id = h.tenant_id and l.period_start = h.period_start and l.meter_id = h.meter_id
)

select
    j.tenant_id,
    j.period_start,
    j.period_end,
    j.meter_id,
    coalesce(j.line_id, j.tenant_id || '/' || j.period_start || '/overage/' || j.meter_id) as line_id,
    j.amount,
    j.held_quantity,
    t.currency,
    t.stripe_customer_id,
    t.anchor_day,
    coalesce(m.stripe_event_name, '') as event_name,
    coalesce(s.amount, 0) as covered,
    coalesce(s.version, 0) + 1 as version,
    coalesce(s.is_pending, false) as is_pending,
    exists(
        select 1 from unsettled as u
        where u.tenant_id = j.tenant_id and u.usage_date >= j.period_start and u.usage_date < j.period_end
    ) as is_unsettled
from joined as j
inner join control.tenants as t on j.tenant_id = t.tenant_id
inner join control.meters as m on j.meter_id = m.meter_id
left join sent as s
    on
        s.item_key
        = coalesce(j.line_id, j.tenant_id || '/' || j.period_start || '/overage/' || j.meter_id) || '/coverage'
where
    t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and (%(tenant_ids)s::text [] is null or t.tenant_id = any(%(tenant_ids)s))
order by j.tenant_id, j.period_start, j.meter_id;

-- name: commit
insert into ledger.invoice_items (
    item_key, version, tenant_id, period_start, line_id, item_kind, amount, currency, service_period_start,
    service_period_end, stripe_customer_id, corrects_invoice_id, identifier, committed_at
)
values (
    %(item_key)s, %(version)s, %(tenant_id)s, %(period_start)s, %(line_id)s, %(item_kind)s, %(amount)s, %(currency)s,
    %(service_period_start)s, %(service_period_end)s, %(stripe_customer_id)s, %(corrects_invoice_id)s, %(identifier)s,
    %(now)s
);

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
