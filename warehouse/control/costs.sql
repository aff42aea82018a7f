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
