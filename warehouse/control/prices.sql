-- name: put_price
with former as (
    select price_id from control.prices
    where
        (plan_id = %(plan_id)s or tenant_id = %(tenant_id)s)
        and meter_id = %(meter_id)s and valid_from = %(valid_from)s
),

replaced as (
    update control.prices
    set
        model = %(model)s,
        unit_amount = %(unit_amount)s,
        package_size = %(package_size)s,
        tiers = %(tiers)s::jsonb
    where
        price_id = (select price_id from former)
        and (model, unit_amount, package_size, tiers)
        is distinct from (%(model)s, %(unit_amount)s::numeric, %(package_size)s::bigint, %(tiers)s::jsonb)
    returning 1
),

created as (
    insert into control.prices (plan_id, tenant_id, meter_id, valid_from, model, unit_amount, package_size, tiers)
    select
        %(plan_id)s,
        %(tenant_id)s,
        %(meter_id)s,
        %(valid_from)s,
        %(model)s,
        %(unit_amount)s,
        %(package_size)s,
        %(tiers)s::jsonb
    where not exists (select 1 from former)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from replaced) + (select count(*) from created) as written,
    (
        select min(valid_from) from control.prices
        where
            (plan_id = %(plan_id)s or tenant_id = %(tenant_id)s)
            and meter_id = %(meter_id)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: override_on
select model
from control.prices
where tenant_id = %(tenant_id)s and meter_id = %(meter_id)s and valid_from <= %(on_day)s
order by valid_from desc
limit 1;

-- name: prices
select
    price_id,
    plan_id,
    tenant_id,
    meter_id,
    valid_from,
    lead(valid_from) over (partition by plan_id, tenant_id, meter_id order by valid_from) as valid_to,
    model,
    unit_amount,
    package_size,
    tiers
from control.prices
where
    (%(plan_id)s::text is null or plan_id = %(plan_id)s)
    and (%(tenant_id)s::text is null or tenant_id = %(tenant_id)s)
    and (%(meter_id)s::text is null or meter_id = %(meter_id)s)
order by plan_id, tenant_id, meter_id, valid_from;

-- name: prices_of_plan_on
select distinct on (p.meter_id)
    p.price_id,
    p.meter_id,
    m.unit,
    'plan ' || p.plan_id as set_by,
    p.valid_from,
    p.model,
    p.unit_amount,
    p.package_size,
    p.tiers
from control.prices as p
inner join control.meters as m on p.meter_id = m.meter_id
where p.plan_id = %(plan_id)s and p.valid_from <= %(on_day)s
order by p.meter_id asc, p.valid_from desc;

-- name: prices_of_tenant_on
with own as (
    select distinct on (meter_id) *
    from control.prices
    where tenant_id = %(tenant_id)s and valid_from <= %(on_day)s
    order by meter_id asc, valid_from desc
),

of_plan as (
    select distinct on (meter_id) *
    from control.prices
    where
        valid_from <= %(on_day)s
        and plan_id = (
            select plan_id from control.tenant_plans
            where tenant_id = %(tenant_id)s and valid_from <= %(on_day)s
            order by valid_from desc
            limit 1
        )
    order by meter_id asc, valid_from desc
),

in_force as (
    select * from own
    where model <> 'plan'
    union all
    select * from of_plan
    where meter_id not in (
        select meter_id from own
        where model <> 'plan'
    )
)

select
    p.price_id,
    p.meter_id,
    m.unit,
    case when p.tenant_id is null then 'plan ' || p.plan_id else 'tenant ' || p.tenant_id end as set_by,
    p.valid_from,
    p.model,
    p.unit_amount,
    p.package_size,
    p.tiers
from in_force as p
inner join control.meters as m on p.meter_id = m.meter_id
order by p.meter_id;
