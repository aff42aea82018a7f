-- name: put_period
insert into control.retention_periods (tenant_id, personal_days)
values (%(tenant_id)s, %(days)s)
on conflict (tenant_id) do update set personal_days = excluded.personal_days
where control.retention_periods.personal_days <> excluded.personal_days;

-- name: end_period
delete from control.retention_periods
where tenant_id = %(tenant_id)s;

-- name: expire
select
    tenant_id,
    ledger.forget_personal_data(tenant_id, %(today)s - personal_days) as forgotten
from control.retention_periods
order by tenant_id;

-- name: forget
select ledger.forget_personal_data(%(tenant_id)s, 'infinity') as forgotten;

-- name: is_closed
select coalesce((
    select status = 'closed' from control.tenant_statuses
    where tenant_id = %(tenant_id)s and valid_from <= %(today)s
    order by valid_from desc
    limit 1
), false) as is_closed;

-- name: has_unfinished_period
select exists (
    select from marts.fct_statements
    where tenant_id = %(tenant_id)s and period_state in ('open', 'in_review')
) as has_unfinished_period;

-- name: erase_name
update control.tenants set name = 'erased ' || tenant_id
where tenant_id = %(tenant_id)s and name <> 'erased ' || tenant_id;

-- name: erase_agents
update control.agents set name = 'erased'
where tenant_id = %(tenant_id)s and name <> 'erased';

-- name: erase_phone_numbers
delete from control.agent_attachments
where tenant_id = %(tenant_id)s and kind = 'phone_number';

-- name: erase_candidates
delete from control.credential_candidates
where tenant_id = %(tenant_id)s;

-- name: erase_credentials
update control.credentials
set
    ciphertext = '',
    fingerprint = '',
    retired_at = coalesce(retired_at, now())
where tenant_id = %(tenant_id)s and ciphertext <> '';

-- name: erase_data_key
update control.data_keys set wrapped_key = ''
where tenant_id = %(tenant_id)s and wrapped_key <> '';

-- name: erase_sessions
delete from control.sessions
where login_id in (select login_id from control.logins where tenant_id = %(tenant_id)s);

-- name: erase_logins
update control.logins set disabled_at = now()
where tenant_id = %(tenant_id)s and disabled_at is null;

-- name: readable_marts
select
    c.relname,
    array_agg(a.attname::text order by a.attnum) as columns
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
where
    c.relnamespace = 'marts'::regnamespace
    and c.relkind = 'r'
    and has_column_privilege(c.oid, a.attnum, 'select')
group by c.relname
order by c.relname;

-- name: calls
select to_jsonb(c) - 'pull_id' - '_dlt_load_id' as document
from raw_vapi.calls as c
inner join ledger.pulls as p on c.pull_id = p.pull_id and p.state = 'published'
where
    c.tenant_id = %(tenant_id)s
    or exists (
        select from marts.fct_calls as routed
        where
            routed.tenant_id = %(tenant_id)s
            and routed.account = c.account
            and routed.usage_date = c.usage_date
            and routed.call_id = c.call_id
    )
order by c.usage_date, c.call_id;
