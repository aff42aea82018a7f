-- name: sources_that_bill
select
    source,
    contract
from control.sources
where bills and contract in ('calls', 'usage');

-- name: meter
select
    meter_id,
    name,
    unit,
    source,
    increment_seconds,
    minimum_seconds,
    item,
    attribute_filter,
    aggregation,
    stripe_event_name
from control.meters
where meter_id = %(meter_id)s;

-- name: meter_clash
select meter_id
from control.meters
where
    meter_id <> %(meter_id)s
    and (
        (
            source = %(source)s
            and item = %(item)s
            and control.filters_overlap(attribute_filter, %(attribute_filter)s)
        )
        or stripe_event_name = %(stripe_event_name)s
    )
order by meter_id
limit 1;

-- name: put_meter
with former as (
    select meter_id from control.meters
    where meter_id = %(meter_id)s
),

written as (
    insert into control.meters as m (
        meter_id, name, unit, source, increment_seconds, minimum_seconds, item, attribute_filter, aggregation,
        stripe_event_name
    )
    values (
        %(meter_id)s,
        %(name)s,
        %(unit)s,
        %(source)s,
        %(increment_seconds)s,
        %(minimum_seconds)s,
        %(item)s,
        %(attribute_filter)s,
        %(aggregation)s,
        %(stripe_event_name)s
    )
    on conflict (meter_id) do update
        set name = excluded.name, stripe_event_name = excluded.stripe_event_name
        where (m.name, m.stripe_event_name) is distinct from (excluded.name, excluded.stripe_event_name)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: meters
select
    meter_id,
    name,
    unit,
    source,
    increment_seconds,
    minimum_seconds,
    item,
    attribute_filter,
    aggregation,
    stripe_event_name
from control.meters
where %(meter_id)s::text is null or meter_id = %(meter_id)s
order by source, meter_id;

-- name: of_the_canary
-- Its plans, and the meters that are priced or included in them: of no use to anybody else.
with canary_plans as (
    select p.plan_id
    from control.tenant_plans as p
    inner join control.tenants as t on p.tenant_id = t.tenant_id
    where t.is_canary
)

select
    array(select p.plan_id from canary_plans as p) as plans,
    array(
        select a.meter_id from control.allowances as a
        where a.plan_id in (select p.plan_id from canary_plans as p)
        union
        select r.meter_id from control.prices as r
        where r.plan_id in (select p.plan_id from canary_plans as p)
        union
        select m.meter_id from control.meters as m
        where m.only_account is not null
    ) as meters;

-- name: plan
select
    plan_id,
    name,
    currency,
    events_per_minute
from control.plans
where plan_id = %(plan_id)s;

-- name: set_rate
update control.plans set events_per_minute = %(events_per_minute)s
where plan_id = %(plan_id)s and events_per_minute <> %(events_per_minute)s;

-- name: plans
select
    p.plan_id,
    p.name,
    p.currency,
    t.valid_from as terms_since,
    t.subscription_fee,
    t.setup_fee,
    t.minimum_amount,
    t.prorates_allowance,
    t.gives_credit_notes,
    t.voice_meter_id,
    p.events_per_minute,
    (
        select count(*) from control.tenants as n
        where p.plan_id = (
            select v.plan_id from control.tenant_plans as v
            where v.tenant_id = n.tenant_id and v.valid_from <= %(on_day)s
            order by v.valid_from desc
            limit 1
        )
    ) as tenants
from control.plans as p
left join lateral (
    select * from control.plan_terms as v
    where v.plan_id = p.plan_id and v.valid_from <= %(on_day)s
    order by v.valid_from desc
    limit 1
) as t on true
order by p.plan_id;

-- name: put_plan
with former as (
    select plan_id from control.plans
    where plan_id = %(plan_id)s
),

written as (
    insert into control.plans as p (plan_id, name, currency)
    values (%(plan_id)s, %(name)s, %(currency)s)
    on conflict (plan_id) do update
        set name = excluded.name
        where p.name <> excluded.name
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: put_terms
with former as (
    select plan_id from control.plan_terms
    where plan_id = %(plan_id)s and valid_from = %(valid_from)s
),

written as (
    insert into control.plan_terms as t (
        plan_id, valid_from, subscription_fee, setup_fee, minimum_amount, prorates_allowance, gives_credit_notes,
        voice_meter_id
    )
    values (
        %(plan_id)s,
        %(valid_from)s,
        %(subscription_fee)s,
        %(setup_fee)s,
        %(minimum_amount)s,
        %(prorates_allowance)s,
        %(gives_credit_notes)s,
        %(voice_meter_id)s
    )
    on conflict (plan_id, valid_from) do update
        set
            subscription_fee = excluded.subscription_fee,
            setup_fee = excluded.setup_fee,
            minimum_amount = excluded.minimum_amount,
            prorates_allowance = excluded.prorates_allowance,
            gives_credit_notes = excluded.gives_credit_notes,
            voice_meter_id = excluded.voice_meter_id
        where
        (
            t.subscription_fee,
            t.setup_fee,
            t.minimum_amount,
            t.prorates_allowance,
            t.gives_credit_notes,
            t.voice_meter_id
        )
        is distinct from (
            excluded.subscription_fee,
            excluded.setup_fee,
            excluded.minimum_amount,
            excluded.prorates_allowance,
            excluded.gives_credit_notes,
            excluded.voice_meter_id
        )
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.plan_terms
        where plan_id = %(plan_id)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: put_allowance
with former as (
    select plan_id from control.allowances
    where plan_id = %(plan_id)s and meter_id = %(meter_id)s and valid_from = %(valid_from)s
),

written as (
    insert into control.allowances as a (plan_id, meter_id, valid_from, quantity)
    values (%(plan_id)s, %(meter_id)s, %(valid_from)s, %(quantity)s)
    on conflict (plan_id, meter_id, valid_from) do update
        set quantity = excluded.quantity
        where a.quantity <> excluded.quantity
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.allowances
        where plan_id = %(plan_id)s and meter_id = %(meter_id)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: terms
select
    valid_from,
    subscription_fee,
    setup_fee,
    minimum_amount,
    prorates_allowance,
    gives_credit_notes,
    voice_meter_id
from control.plan_terms
where plan_id = %(plan_id)s
order by valid_from;

-- name: allowances
select
    meter_id,
    valid_from,
    quantity
from control.allowances
where plan_id = %(plan_id)s
order by meter_id, valid_from;
