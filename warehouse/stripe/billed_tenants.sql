-- name: tenants
-- Who may be billed, and what Stripe must know of them. prices: in force for the period that today is in.
select
    t.tenant_id,
    t.name,
    t.currency,
    t.anchor_day,
    t.stripe_customer_id,
    coalesce(s.status, 'new') as status,
    s.valid_from as status_since,
    t.feature_flags @> '{"stripe_posting": true}' as may_be_posted
from control.tenants as t
left join lateral (
    select v.status, v.valid_from
    from control.tenant_statuses as v
    where v.tenant_id = t.tenant_id and v.valid_from <= %(today)s
    order by v.valid_from desc
    limit 1
) as s on true
where %(tenant_ids)s::text [] is null or t.tenant_id = any(%(tenant_ids)s)
order by t.tenant_id;

-- name: priced_meters
-- The price in force on a day, per tenant and meter: a tenant's own wins over its plan's until its model says "plan".
with asked as (
    select * from unnest(%(tenant_ids)s::text [], %(days)s::date []) as a (tenant_id, day)
),

plan as (
    select a.tenant_id, a.day, p.plan_id
    from asked as a
    inner join lateral (
        select v.plan_id from control.tenant_plans as v
        where v.tenant_id = a.tenant_id and v.valid_from <= a.day
        order by v.valid_from desc
        limit 1
    ) as p on true
)

select
    p.tenant_id, m.meter_id, m.stripe_event_name, c.price_id, c.model, c.unit_amount, c.package_size, c.tiers, p.plan_id
from plan as p
cross join control.meters as m
inner join lateral (
    select v.* from (
        select o.*, 1 as rank
        from (
            select * from control.prices as x
            where x.tenant_id = p.tenant_id and x.meter_id = m.meter_id and x.valid_from <= p.day
            order by x.valid_from desc
            limit 1
        ) as o
        where o.model <> 'plan'
        union all
        select o.*, 2
        from (
            select * from control.prices as x
            where x.plan_id = p.plan_id and x.meter_id = m.meter_id and x.valid_from <= p.day
            order by x.valid_from desc
            limit 1
        ) as o
    ) as v
    order by v.rank
    limit 1
) as c on true
order by p.tenant_id, m.meter_id;

-- name: statuses
-- Of each tenant, in order: what it becomes, and when.
select tenant_id, status, valid_from
from control.tenant_statuses
where tenant_id = any(%(tenant_ids)s)
order by tenant_id, valid_from;

-- name: fees
-- The fee of the plan that is in force on a day, each tenant's own day.
select distinct on (a.tenant_id) a.tenant_id, p.plan_id, f.valid_from, f.subscription_fee
from unnest(%(tenant_ids)s::text [], %(days)s::date []) as a (tenant_id, day)
inner join control.tenant_plans as p on a.tenant_id = p.tenant_id and p.valid_from <= a.day
inner join control.plan_terms as f on p.plan_id = f.plan_id and f.valid_from <= a.day
where
    p.valid_from = (
        select max(q.valid_from) from control.tenant_plans as q
        where q.tenant_id = a.tenant_id and q.valid_from <= a.day
    )
order by a.tenant_id, f.valid_from desc;
