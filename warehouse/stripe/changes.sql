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
