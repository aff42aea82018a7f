-- name: kept
select
    coalesce(chosen.phone_numbers, 'kept') as phone_numbers,
    coalesce(chosen.transcripts, 'never') as transcripts,
    coalesce(chosen.recordings, 'never') as recordings
from (select %(tenant_id)s::text as tenant_id) as asked
left join control.personal_choices as chosen on asked.tenant_id = chosen.tenant_id;

-- name: choose
-- What is not named stays as it is, or as it is where nothing was ever chosen.
insert into control.personal_choices as c (tenant_id, phone_numbers, transcripts, recordings)
values (
    %(tenant_id)s, coalesce(%(phone_numbers)s, 'kept'), coalesce(%(transcripts)s, 'never'),
    coalesce(%(recordings)s, 'never')
)
on conflict (tenant_id) do update set
    phone_numbers = coalesce(%(phone_numbers)s, c.phone_numbers),
    transcripts = coalesce(%(transcripts)s, c.transcripts),
    recordings = coalesce(%(recordings)s, c.recordings),
    chosen_at = clock_timestamp()
where
    (c.phone_numbers, c.transcripts, c.recordings)
    is distinct from (
        coalesce(%(phone_numbers)s, c.phone_numbers), coalesce(%(transcripts)s, c.transcripts),
        coalesce(%(recordings)s, c.recordings)
    );

-- name: choices_due
select
    chosen.tenant_id,
    chosen.chosen_at
from control.personal_choices as chosen
left join ledger.personal_choices_applied as applied on chosen.tenant_id = applied.tenant_id
where chosen.chosen_at is distinct from applied.chosen_at
order by chosen.tenant_id;

-- name: is_pulled_as_before
select exists (
    select from ledger.attempts as a
    inner join pg_catalog.pg_locks as l
        on
            l.locktype = 'advisory'
            and l.classid = {lock_attempt}
            and a.attempt_id = l.objid::bigint
            and l.objsubid = 2
            and l.granted
    where
        a.started_at <= %(chosen_at)s
        and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
) as is_pulled_as_before;

-- name: rows_of
-- Rows of the tenant's own account, and of the shared one by whatever scope was ever its own.
select
    r.ctid::text as row_id,
    r.account,
    r.usage_date,
    {scopes} as scopes,
    r.payload::text as payload
from {raw} as r
where r.tenant_id = %(tenant_id)s or r.tenant_id is null and ({by_scope});

-- name: minimise
select ledger.minimise_payloads(%s, %s::tid [], %s::json []) as changed;

-- name: choice_applied
insert into ledger.personal_choices_applied (tenant_id, chosen_at, rows_changed)
values (%(tenant_id)s, %(chosen_at)s, %(rows_changed)s)
on conflict (tenant_id) do update set
    chosen_at = excluded.chosen_at,
    applied_at = clock_timestamp(),
    rows_changed = excluded.rows_changed;

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

-- name: erase_hooks
update control.hooks
set
    ciphertext = '',
    revoked_at = coalesce(revoked_at, now())
where tenant_id = %(tenant_id)s and ciphertext <> '';

-- name: erase_outgoing
select ledger.erase_outgoing(%(tenant_id)s);

-- name: erase_automations
select ledger.erase_automations(%(tenant_id)s);

-- name: erase_data_key
update control.data_keys set wrapped_key = ''
where tenant_id = %(tenant_id)s and wrapped_key <> '';

-- name: erase_logins
select control.shut_out_tenant(%(tenant_id)s);

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

-- name: rows
select to_jsonb(r) - 'pull_id' - '_dlt_load_id' as document
from {raw} as r
inner join ledger.pulls as p on r.pull_id = p.pull_id and p.state = 'published'
where r.tenant_id = %(tenant_id)s {routed}
order by r.usage_date, {key};

-- name: pushed
-- Of the reader's own tenant: row-level security leaves no others.
select to_jsonb(e) - 'event_number' as document
from intake.events as e
order by e.usage_date, e.event_number;

-- name: reported
-- What providers reported of rows of the tenant's own accounts.
select to_jsonb(r) - '{report_id,hook_id,content_hash}'::text[] as document
from intake.reports as r
where r.tenant_id = %(tenant_id)s
order by r.report_id;

-- name: adopted
select to_jsonb(a) as document
from intake.adoptions as a
where a.tenant_id = %(tenant_id)s
order by a.usage_date, a.row_id;

-- name: erase_reports
select intake.erase_reports(%(tenant_id)s);

-- name: routed
or exists (
    select from marts.fct_calls as routed
    where
        routed.tenant_id = %(tenant_id)s
        and routed.source = %(source)s
        and routed.account = r.account
        and routed.usage_date = r.usage_date
        and routed.call_id = r.call_id
)
