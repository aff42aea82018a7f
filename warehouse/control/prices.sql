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

-- name: put_unit_cost
with former as (
    select meter_id from control.unit_costs
    where meter_id = %(meter_id)s and is_rest = %(is_rest)s and valid_from = %(valid_from)s
),

written as (
    insert into control.unit_costs as c (meter_id, valid_from, unit_cost, currency, is_rest)
    values (%(meter_id)s, %(valid_from)s, %(unit_cost)s, %(currency)s, %(is_rest)s)
    on conflict (meter_id, is_rest, valid_from) do update
        set unit_cost = excluded.unit_cost, currency = excluded.currency
        where (c.unit_cost, c.currency) is distinct from (excluded.unit_cost, excluded.currency)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.unit_costs
        where meter_id = %(meter_id)s and is_rest = %(is_rest)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: owners_of_prices
select distinct
    plan_id,
    tenant_id
from control.prices
where meter_id = %(meter_id)s;

-- name: put_fixed_cost
with former as (
    select fixed_cost_id from control.fixed_costs
    where fixed_cost_id = %(fixed_cost_id)s and valid_from = %(valid_from)s
),

written as (
    insert into control.fixed_costs as c (fixed_cost_id, valid_from, name, monthly_amount, currency, allocation)
    values (%(fixed_cost_id)s, %(valid_from)s, %(name)s, %(monthly_amount)s, %(currency)s, %(allocation)s)
    on conflict (fixed_cost_id, valid_from) do update
        set
            name = excluded.name,
            monthly_amount = excluded.monthly_amount,
            currency = excluded.currency,
            allocation = excluded.allocation
        where
        (c.name, c.monthly_amount, c.currency, c.allocation)
        is distinct from (excluded.name, excluded.monthly_amount, excluded.currency, excluded.allocation)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: costs
select
    case when is_rest then 'unit, the rest' else 'unit' end as kind,
    meter_id as cost_of,
    valid_from,
    lead(valid_from) over (partition by meter_id, is_rest order by valid_from) as valid_to,
    unit_cost as amount,
    currency,
    null::text as allocation
from control.unit_costs
union all
select
    'fixed',
    fixed_cost_id,
    valid_from,
    lead(valid_from) over (partition by fixed_cost_id order by valid_from),
    monthly_amount,
    currency,
    allocation
from control.fixed_costs
union all
select
    'payment',
    percent::text || ' % and a fixed amount',
    valid_from,
    lead(valid_from) over (partition by currency order by valid_from),
    fixed_amount,
    currency,
    null
from control.payment_fees
union all
select
    'unit',
    provider || ' ' || unit,
    valid_from,
    lead(valid_from) over (partition by provider, unit order by valid_from),
    unit_cost,
    currency,
    null
from control.provider_unit_costs
order by kind desc, cost_of asc, valid_from asc;

-- name: put_rate
with former as (
    select rate from control.exchange_rates
    where
        from_currency = %(from_currency)s and to_currency = %(to_currency)s and valid_from = %(valid_from)s
),

written as (
    insert into control.exchange_rates as r (from_currency, to_currency, valid_from, rate)
    values (%(from_currency)s, %(to_currency)s, %(valid_from)s, %(rate)s)
    on conflict (from_currency, to_currency, valid_from) do update
        set rate = excluded.rate
        where r.rate <> excluded.rate
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.exchange_rates
        where
            from_currency = %(from_currency)s and to_currency = %(to_currency)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: tenants_billed_in
select tenant_id from control.tenants
where currency = %(currency)s;

-- name: put_payment_fee
with former as (
    select percent from control.payment_fees
    where currency = %(currency)s and valid_from = %(valid_from)s
),

written as (
    insert into control.payment_fees as f (currency, valid_from, percent, fixed_amount)
    values (%(currency)s, %(valid_from)s, %(percent)s, %(fixed_amount)s)
    on conflict (currency, valid_from) do update
        set percent = excluded.percent, fixed_amount = excluded.fixed_amount
        where (f.percent, f.fixed_amount) <> (excluded.percent, excluded.fixed_amount)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: rates
select
    from_currency,
    to_currency,
    valid_from,
    rate
from control.exchange_rates
order by from_currency, to_currency, valid_from;
