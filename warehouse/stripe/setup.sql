-- name: meters
select distinct m.meter_id, m.name, m.unit, m.stripe_event_name
from control.meters as m
inner join control.prices as p on m.meter_id = p.meter_id
where m.stripe_event_name is not null
order by m.meter_id;

-- name: prices
-- Versions of prices that are in force or will be.
with versions as (
    select
        p.*,
        lead(p.valid_from) over (partition by p.plan_id, p.tenant_id, p.meter_id order by p.valid_from) as valid_to
    from control.prices as p
)

select
    v.price_id,
    v.meter_id,
    v.model,
    v.unit_amount,
    v.package_size,
    v.tiers,
    v.plan_id,
    v.tenant_id,
    v.valid_from,
    coalesce(n.currency, t.currency) as currency,
    m.stripe_event_name
from versions as v
inner join control.meters as m on v.meter_id = m.meter_id and m.stripe_event_name is not null
left join control.plans as n on v.plan_id = n.plan_id
left join control.tenants as t on v.tenant_id = t.tenant_id
where v.model <> 'plan' and coalesce(v.valid_to, 'infinity') > %(today)s
order by v.price_id;

-- name: fees
-- Subscription fees of plans that are in force or will be.
select f.plan_id, f.name, f.currency, f.valid_from, f.subscription_fee
from (
    select
        p.plan_id,
        p.name,
        p.currency,
        f.valid_from,
        f.subscription_fee,
        lead(f.valid_from) over (partition by f.plan_id order by f.valid_from) as valid_to
    from control.plans as p
    inner join control.plan_terms as f on p.plan_id = f.plan_id
) as f
where
    coalesce(f.valid_to, 'infinity') > %(today)s
    and f.plan_id not in (
        select c.plan_id from control.tenant_plans as c
        inner join control.tenants as t on c.tenant_id = t.tenant_id
        where t.is_canary
    )
order by f.plan_id, f.valid_from;

-- name: meters_of_events
select stripe_event_name, meter_id from control.meters
where stripe_event_name is not null;
