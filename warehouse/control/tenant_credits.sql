-- name: same
-- A credit that says the same and stands.
select c.credit_id
from control.credits as c
where
    c.tenant_id = %(tenant_id)s
    and c.amount = %(amount)s
    and c.valid_from = %(valid_from)s
    and c.expires_on is not distinct from %(expires_on)s
    and c.reason = %(reason)s
    and not exists (select from control.credit_voids as v where v.credit_id = c.credit_id)
limit 1;

-- name: use
-- The tenant's currency, and whether a day of the credit's lies in a period that is not approved; periods without a row are open.
with tenant as (
    select
        t.tenant_id,
        t.currency,
        t.anchor_day,
        (
            select min(s.valid_from) from control.tenant_statuses as s
            where s.tenant_id = t.tenant_id and s.status = 'active'
        ) as activated_on
    from control.tenants as t
    where t.tenant_id = %(tenant_id)s
),

billed as (
    select
        *,
        (
            date_trunc('month', (activated_on - anchor_day + 1)::timestamp) + (anchor_day - 1) * interval '1 day'
        )::date as first_day
    from tenant
),

approved as (
    select coalesce(range_agg(daterange(p.period_start, p.period_end)), '{}') as days
    from ledger.periods as p
    where p.tenant_id = %(tenant_id)s and p.state in ('approved', 'closed')
)

select
    b.currency,
    not isempty(
        datemultirange(daterange(%(valid_from)s, %(expires_on)s))
        * datemultirange(daterange(b.first_day, null)) - a.days
    ) as is_usable
from billed as b
cross join approved as a;

-- name: give
insert into control.credits (tenant_id, amount, valid_from, expires_on, reason)
values (%(tenant_id)s, %(amount)s, %(valid_from)s, %(expires_on)s, %(reason)s)
returning credit_id;

-- name: void
insert into control.credit_voids (credit_id, tenant_id, taken_back, reason, kept_by)
select
    %(credit_id)s,
    %(tenant_id)s,
    %(taken_back)s,
    %(reason)s,
    coalesce(array_agg(l.period_start order by l.period_start), '{}') as kept_by
from ledger.statement_lines as l
where l.line_kind = 'credit' and l.inputs ->> 'credit_id' = %(credit_id)s::text;

-- name: credits
-- What approved statements used, and what is left for others: nothing of one that was taken back. An open statement uses it when the marts are built.
with used as (
    select
        (l.inputs ->> 'credit_id')::bigint as credit_id,
        -sum(l.amount) as amount
    from ledger.statement_lines as l
    where l.line_kind = 'credit'
    group by 1
)

select
    c.credit_id,
    c.tenant_id,
    c.amount,
    coalesce(u.amount, 0) as used,
    case when v.credit_id is null then c.amount - coalesce(u.amount, 0) else 0 end as balance,
    t.currency,
    c.valid_from,
    c.expires_on,
    case
        when v.credit_id is not null then 'void'
        when c.amount <= coalesce(u.amount, 0) then 'used up'
        when c.expires_on <= %(today)s then 'expired'
        when c.valid_from > %(today)s then 'not valid yet'
        else 'valid'
    end as state,
    c.reason,
    c.created_at,
    v.voided_at,
    v.reason as void_reason
from control.credits as c
inner join control.tenants as t on c.tenant_id = t.tenant_id and not t.is_canary
left join control.credit_voids as v on c.credit_id = v.credit_id
left join used as u on c.credit_id = u.credit_id
where
    (%(tenant_id)s::text is null or c.tenant_id = %(tenant_id)s)
    and (%(credit_id)s::bigint is null or c.credit_id = %(credit_id)s)
order by c.tenant_id, c.valid_from, c.credit_id;
