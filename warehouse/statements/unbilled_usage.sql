-- name: scopes_of_nobody
-- Scopes of usage that are attached to no tenant on their day, as the platform's own pull holds them.
select
    r.scope_kind,
    r.scope,
    r.usage_date,
    sum(r.quantity) as quantity
from marts.fct_usage_rows as r
where
    r.source = %(source)s
    and r.account = 'platform'
    and r.usage_date >= %(first_date)s
    and r.usage_date <= %(last_date)s
    and r.scope <> ''
    and r.item = coalesce(
        (select m.item from control.meters as m where m.source = %(source)s and m.meter_id = %(item)s), %(item)s
    )
    and not exists (
        select from control.scopes as s
        where
            s.kind = r.scope_kind
            and s.value = r.scope
            and s.tenant_id is not null
            and s.valid_from <= r.usage_date
            and r.usage_date < coalesce(s.valid_to, 'infinity')
    )
group by r.scope_kind, r.scope, r.usage_date
order by r.usage_date, r.scope_kind, r.scope;

-- name: terms_in_force
-- Of the plan that a tenant has on a day; no row without a plan.
select
    p.plan_id,
    t.subscription_fee,
    t.setup_fee,
    t.minimum_amount,
    t.prorates_allowance,
    t.gives_credit_notes
from (
    select c.plan_id
    from control.tenant_plans as c
    where c.tenant_id = %(tenant_id)s and c.valid_from <= %(day)s
    order by c.valid_from desc
    limit 1
) as p
cross join lateral (
    select v.*
    from control.plan_terms as v
    where v.plan_id = p.plan_id and v.valid_from <= %(day)s
    order by v.valid_from desc
    limit 1
) as t;

-- name: voice_meter
select m.meter_id
from control.meters as m
where m.source = %(source)s and m.item is null and m.only_account is null
order by m.meter_id
limit 1;

-- name: filtered_attributes
-- Of the meters of an item, the attributes by which they tell rows apart; no row where no meter counts it.
select
    coalesce(array_agg(distinct f.attribute order by f.attribute) filter (where f.attribute is not null), '{}') as names
from control.meters as m
left join lateral jsonb_object_keys(m.attribute_filter) as f (attribute) on true
where m.source = %(source)s and m.item = %(item)s
having count(*) > 0;

-- name: unmetered
-- Usage of an item that no meter counts, by what tells it apart.
select
    u.unit,
    u.attributes,
    min(u.usage_date) as first_date
from marts.fct_unbilled_usage as u
where u.tenant_id = %(tenant_id)s and u.source = %(source)s and u.item = %(item)s and u.reason = 'no meter'
group by u.unit, u.attributes
order by u.unit, u.attributes;
