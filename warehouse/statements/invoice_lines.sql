-- name: ours
-- Lines of statements whose period has begun: frozen ones of approved periods, the marts' of others.
with approved as (
    select tenant_id, period_start from ledger.periods
    where state in ('approved', 'closed')
)

select
    a.tenant_id, a.period_start, true as is_approved, l.line_id, l.line_kind, l.meter_id,
    coalesce(l.amount, 0) as amount
from approved as a
left join ledger.statement_lines as l on a.tenant_id = l.tenant_id and a.period_start = l.period_start
where (%(tenant_ids)s::text [] is null or a.tenant_id = any(%(tenant_ids)s))
union all
select m.tenant_id, m.period_start, false, m.line_id, m.line_kind, m.meter_id, m.amount
from marts.fct_statement_lines as m
left join approved as a on m.tenant_id = a.tenant_id and m.period_start = a.period_start
where
    a.tenant_id is null
    and m.period_start <= %(today)s
    and (%(tenant_ids)s::text [] is null or m.tenant_id = any(%(tenant_ids)s))
order by 1, 2, 4;

-- name: coverage
select tenant_id, period_start, meter_id, owed
from ledger.coverage
where %(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s);

-- name: forget_lines
delete from ledger.final_lines
where tenant_id = %(tenant_id)s and period_start >= %(since)s;

-- name: put_line
insert into ledger.final_lines (
    tenant_id, period_start, line, ours, stripe, accepted, currency, invoices, waits, code, what, what_to_do, read_at
)
values (
    %(tenant_id)s, %(period_start)s, %(line)s, %(ours)s, %(stripe)s, %(accepted)s, %(currency)s, %(invoices)s,
    %(waits)s, %(code)s, %(what)s, %(what_to_do)s, %(now)s
);

-- name: unsettled
-- From which day on a tenant's invoices or lines can still change: as last read, not final, not paid, waiting or a finding.
select tenant_id, min(first_day) as first_day
from (
    select tenant_id, (to_timestamp(period_start) at time zone 'UTC')::date as first_day
    from ledger.stripe_invoice_states
    where status in ('draft', 'open', 'uncollectible')
    union all
    select tenant_id, period_start
    from ledger.final_lines
    where (code is not null or waits is not null) and code is distinct from 'not readable'
) as open
where %(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s)
group by tenant_id;

-- name: lines
-- As last read, of the periods that start in [month_start, month_end), or of all.
select
    tenant_id, period_start, line, ours, stripe, stripe - ours as difference, accepted, currency, invoices, waits,
    code, what, what_to_do, read_at
from ledger.final_lines
where
    (%(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s))
    and (%(month_start)s::date is null or period_start >= %(month_start)s)
    and (%(month_end)s::date is null or period_start < %(month_end)s)
order by tenant_id, period_start, line;

-- name: mart_exists
select to_regclass('marts.fct_invoice_lines') is not null as is_built;

-- name: empty_mart
delete from marts.fct_invoice_lines;

-- name: fill_mart
insert into marts.fct_invoice_lines (
    tenant_id, period_start, line, ours, stripe, difference, accepted, currency, invoices, is_settled, waits, code,
    what, what_to_do, read_at
)
select
    tenant_id, period_start, line, ours, stripe, stripe - ours, accepted, currency, array_to_string(invoices, ', '),
    code is null and waits is null, waits, code, what, what_to_do, read_at
from ledger.final_lines;

-- name: whose
select tenant_id from ledger.final_lines
where line = %(line)s
union all
select tenant_id from ledger.statement_lines
where line_id = %(line)s
limit 1;
