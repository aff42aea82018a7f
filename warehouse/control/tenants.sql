-- name: tenant_ids
select tenant_id from control.tenants
order by tenant_id;

-- name: tenant
select
    tenant_id,
    name,
    currency,
    anchor_day,
    feature_flags,
    stripe_customer_id
from control.tenants
where tenant_id = %(tenant_id)s;

-- name: put_tenant
with former as (
    select tenant_id from control.tenants
    where tenant_id = %(tenant_id)s
),

written as (
    insert into control.tenants as t (
        tenant_id, name, currency, anchor_day, stripe_customer_id
    )
    values (
        %(tenant_id)s, %(name)s, %(currency)s, %(anchor_day)s, %(stripe_customer_id)s
    )
    on conflict (tenant_id) do update
        set
            name = excluded.name,
            currency = excluded.currency,
            anchor_day = excluded.anchor_day,
            stripe_customer_id = coalesce(excluded.stripe_customer_id, t.stripe_customer_id)
        where
        (t.name, t.currency, t.anchor_day)
        is distinct from (excluded.name, excluded.currency, excluded.anchor_day)
        or t.stripe_customer_id is distinct from coalesce(excluded.stripe_customer_id, t.stripe_customer_id)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: put_flag
with former as (
    select feature_flags -> %(flag)s as flag from control.tenants
    where tenant_id = %(tenant_id)s
),

written as (
    update control.tenants
    set feature_flags = feature_flags || pg_catalog.jsonb_build_object(%(flag)s::text, %(value)s::jsonb)
    where tenant_id = %(tenant_id)s and (feature_flags -> %(flag)s) is distinct from %(value)s::jsonb
    returning 1
)

select
    (
        select count(*) from former
        where flag is not null
    ) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: statuses
select
    valid_from,
    status
from control.tenant_statuses
where tenant_id = %(tenant_id)s
order by valid_from;

-- name: put_status
with former as (
    select status from control.tenant_statuses
    where tenant_id = %(tenant_id)s and valid_from = %(valid_from)s
),

written as (
    insert into control.tenant_statuses as s (tenant_id, valid_from, status)
    values (%(tenant_id)s, %(valid_from)s, %(status)s)
    on conflict (tenant_id, valid_from) do update
        set status = excluded.status
        where s.status <> excluded.status
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.tenant_statuses
        where tenant_id = %(tenant_id)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: remove_status
delete from control.tenant_statuses
where tenant_id = %(tenant_id)s and valid_from = %(valid_from)s;

-- name: remove_later_statuses
delete from control.tenant_statuses
where tenant_id = %(tenant_id)s and valid_from > %(valid_from)s;

-- name: put_tenant_plan
with former as (
    select plan_id from control.tenant_plans
    where tenant_id = %(tenant_id)s and valid_from = %(valid_from)s
),

written as (
    insert into control.tenant_plans as p (tenant_id, valid_from, plan_id)
    values (%(tenant_id)s, %(valid_from)s, %(plan_id)s)
    on conflict (tenant_id, valid_from) do update
        set plan_id = excluded.plan_id
        where p.plan_id <> excluded.plan_id
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.tenant_plans
        where tenant_id = %(tenant_id)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: tenant_plans
select
    valid_from,
    plan_id
from control.tenant_plans
where tenant_id = %(tenant_id)s
order by valid_from;

-- name: reviewed_periods
select count(*) as periods
from ledger.periods
where tenant_id = %(tenant_id)s and state <> 'open';

-- name: amounts_in_its_currency
-- What holds an amount in the tenant's currency without naming it, or is a plan of that currency; null for nothing.
select case
    when exists (select from control.tenant_plans where tenant_id = %(tenant_id)s) then 'a plan'
    when exists (select from control.prices where tenant_id = %(tenant_id)s) then 'prices of its own'
    when exists (select from control.credits where tenant_id = %(tenant_id)s) then 'credits'
    when exists (select from control.spend_limits where tenant_id = %(tenant_id)s) then 'limits'
end as what;

-- name: names
select tenant_id, name from control.tenants where not is_canary order by lower(name), tenant_id limit %(limit)s;

-- name: named
select tenant_id, name from control.tenants where tenant_id = any(%(tenant_ids)s);

-- name: tenants_on
select
    t.tenant_id,
    t.name,
    coalesce(s.status, 'not yet active') as status,
    t.currency,
    t.anchor_day,
    p.plan_id,
    (
        select min(a.valid_from) from control.tenant_statuses as a
        where a.tenant_id = t.tenant_id and a.status = 'active')
        as activated_on,
    (
        select min(c.valid_from) from control.tenant_statuses as c
        where c.tenant_id = t.tenant_id and c.status = 'closed')
        as closed_on,
    coalesce(chosen.phone_numbers, 'kept') as phone_numbers,
    coalesce(chosen.transcripts, 'never') as transcripts,
    coalesce(chosen.recordings, 'never') as recordings,
    t.feature_flags,
    t.stripe_customer_id,
    t.shard,
    t.is_canary
from control.tenants as t
left join lateral (
    select v.status from control.tenant_statuses as v
    where v.tenant_id = t.tenant_id and v.valid_from <= %(on_day)s
    order by v.valid_from desc
    limit 1
) as s on true
left join lateral (
    select v.plan_id from control.tenant_plans as v
    where v.tenant_id = t.tenant_id and v.valid_from <= %(on_day)s
    order by v.valid_from desc
    limit 1
) as p on true
left join control.personal_choices as chosen on t.tenant_id = chosen.tenant_id
where %(tenant_id)s::text is null or t.tenant_id = %(tenant_id)s
order by t.tenant_id;

-- name: credentials
select
    tenant_id,
    provider,
    fingerprint,
    settings,
    used_from,
    created_at,
    verified_at
from control.credentials
where retired_at is null and (%(tenant_id)s::text is null or tenant_id = %(tenant_id)s)
order by tenant_id nulls first, provider;

-- name: mark_verified
update control.credentials
set verified_at = now()
where credential_id = %(credential_id)s;

-- name: set_up
-- What a tenant has of what it needs until its first bill, and how many of its days were read.
select
    exists (
        select from control.tenant_plans as p
        where p.tenant_id = %(tenant_id)s
    ) as has_plan,
    exists (
        select from control.scopes as s
        where s.tenant_id = %(tenant_id)s
    ) as has_attachment,
    exists (
        select from control.credentials as c
        where (c.tenant_id = %(tenant_id)s or c.tenant_id is null) and c.retired_at is null
    ) as has_key,
    exists (
        select from control.credentials as c
        where c.tenant_id = %(tenant_id)s and c.retired_at is null
    ) as has_own_key,
    (
        select count(distinct p.usage_date) from ledger.pulls as p
        where
            p.state = 'published'
            and p.usage_date >= %(since)s
            and (p.tenant_id = %(tenant_id)s or p.account = 'platform')
    ) as days_read;
