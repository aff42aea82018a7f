-- name: lock
-- Versions and approvals exclude one another, so that no version slips in between a check and the approval it is about.
select pg_catalog.pg_advisory_xact_lock({lock_control}, 0);

-- name: approved_periods
with approved as (
    select
        p.tenant_id,
        p.period_start,
        p.period_end,
        greatest(
            p.period_start,
            (
                select min(s.valid_from) from control.tenant_statuses as s
                where s.tenant_id = p.tenant_id and s.status = 'active'
            )
        ) as first_billed_day
    from ledger.periods as p
    where p.state in ('approved', 'closed')
)

select
    a.tenant_id,
    a.period_start,
    a.period_end,
    a.first_billed_day,
    (
        select t.plan_id from control.tenant_plans as t
        where t.tenant_id = a.tenant_id and t.valid_from <= a.first_billed_day
        order by t.valid_from desc
        limit 1
    ) as plan_id
from approved as a
order by a.period_start desc, a.tenant_id asc;
