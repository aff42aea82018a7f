-- name: agents_of_nobody
-- Usage metrics of agents that are attached to no tenant on their day, as the platform's own pull holds them.
select
    r.scope,
    r.usage_date,
    sum(r.quantity) as quantity
from marts.fct_usage_rows as r
where
    r.source = 'usage_metrics'
    and r.account = 'platform'
    and r.usage_date >= %(first_date)s
    and r.usage_date <= %(last_date)s
    and r.scope <> ''
    and r.origin = concat_ws('/', r.scope, coalesce(
        (select m.metric_type from control.meters as m where m.source = 'usage_metrics' and m.meter_id = %(item)s),
        %(item)s
    ))
    and not coalesce((
        select a.tenant_id is not null
        from control.agent_attachments as a
        where a.kind = 'usage_agent' and a.value = r.scope and a.valid_from <= r.usage_date
        order by a.valid_from desc
        limit 1
    ), false)
group by r.scope, r.usage_date
order by r.usage_date, r.scope;

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
where m.source = 'vapi' and m.only_account is null
order by m.meter_id
limit 1;
