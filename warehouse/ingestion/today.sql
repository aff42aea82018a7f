-- name: choose
insert into control.today_readings as t (tenant_id, every) values (%(tenant_id)s, %(every)s)
on conflict (tenant_id) do update set every = excluded.every where t.every <> excluded.every;

-- name: end
delete from control.today_readings where tenant_id = %(tenant_id)s and %(every)s::interval is null;

-- name: chosen
select
    t.tenant_id,
    t.every
from control.today_readings as t
order by t.tenant_id;

-- name: is_chosen
select t.every from control.today_readings as t
where t.tenant_id = %(tenant_id)s;

-- name: due
-- A reading that is under way, or failed a moment ago, is not begun again before its time.
select
    e.source,
    e.account,
    e.usage_date,
    array_agg(e.tenant_id order by e.tenant_id) as tenants
from control.expected_days(%(today)s, %(today)s) as e
inner join control.today_readings as t on e.tenant_id = t.tenant_id
inner join control.sources as s on e.source = s.source and s.bills
left join lateral (
    select max(p.opened_at) as opened_at
    from ledger.pulls as p
    where p.source = e.source and p.account = e.account and p.usage_date = e.usage_date
) as l on true
group by e.source, e.account, e.usage_date
having coalesce(max(l.opened_at) + min(t.every) <= clock_timestamp(), true)
order by e.source, e.account;
