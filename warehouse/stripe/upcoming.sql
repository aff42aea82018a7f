-- name: overage_lines
-- Of our periods within Stripe's cycle: its first one may begin later than ours, when the subscription was made.
select meter_id, sum(amount) as amount
from marts.fct_statement_lines
where
    tenant_id = %(tenant_id)s
    and period_start >= %(cycle_start)s
    and period_start < %(day)s
    and line_kind = 'overage'
group by meter_id;

-- name: fee
-- The fee of the plan in force on a day, whole; none from a closing on.
select f.subscription_fee
from control.tenant_plans as p
inner join control.plan_terms as f on p.plan_id = f.plan_id and f.valid_from <= %(day)s
where
    p.tenant_id = %(tenant_id)s
    and p.valid_from <= %(day)s
    and not exists (
        select from control.tenant_statuses as s
        where s.tenant_id = %(tenant_id)s and s.status = 'closed' and s.valid_from <= %(day)s
    )
order by p.valid_from desc, f.valid_from desc
limit 1;

-- name: items
-- What was added as invoice items, each with the key by which Stripe shows it.
select line_id, identifier, amount, service_period_start
from ledger.invoice_items
where tenant_id = %(tenant_id)s and state = 'accepted' and item_kind <> 'credit_note'
order by invoice_item_id;
