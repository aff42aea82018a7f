-- name: tenant_day_accounts
-- One row per asked tenant-day and source; account is null where the tenant uses nothing of the source that day.
with asked as (
    select tenant_id, usage_date
    from unnest(%(tenant_ids)s::text [], %(usage_dates)s::date []) as pairs (tenant_id, usage_date)
)

select distinct
    asked.tenant_id,
    asked.usage_date,
    source.source,
    uses.account,
    tenants.tenant_id is not null as is_known,
    coalesce(statuses.status = 'active', false) as is_active
from asked
cross join unnest(%(sources)s::text []) as source (source)
left join control.tenants as tenants on asked.tenant_id = tenants.tenant_id
left join lateral (
    select versions.status
    from control.tenant_statuses as versions
    where versions.tenant_id = asked.tenant_id and versions.valid_from <= asked.usage_date
    order by versions.valid_from desc
    limit 1
) as statuses on true
left join control.tenant_sources as uses
    on
        asked.tenant_id = uses.tenant_id
        and source.source = uses.source
        and asked.usage_date >= uses.valid_from
        and asked.usage_date < coalesce(uses.valid_to, 'infinity');

-- name: has_platform_credential
select exists(
    select 1
    from control.credentials
    where tenant_id is null and provider = %(provider)s and retired_at is null
) as has_one;

-- name: scopes
-- Every version of what a tenant is known by at a provider.
select
    kind,
    value,
    environment,
    tenant_id,
    valid_from,
    valid_to
from control.scopes
where tenant_id is not null
order by kind, value, valid_from;

-- name: personal_choices
select
    tenant_id,
    phone_numbers,
    transcripts,
    recordings
from control.personal_choices;

-- name: done_in_runs
-- The last good pull of each account-day by the attempts of these runs.
select distinct on (pulls.source, pulls.account, pulls.usage_date)
    pulls.source,
    pulls.account,
    pulls.usage_date,
    pulls.pull_id,
    pulls.is_incomplete,
    coalesce(pulls.row_count, 0) as row_count
from ledger.pulls as pulls
inner join ledger.attempts as attempts on pulls.attempt_id = attempts.attempt_id
where
    attempts.run_id = any(%(run_ids)s)
    and pulls.source = any(%(sources)s)
    and pulls.state in ('published', 'unchanged', 'superseded')
order by pulls.source, pulls.account, pulls.usage_date, pulls.pull_id desc;

-- name: discard_landed
select ledger.discard_landed(%(raw)s::regclass, %(pull_ids)s::bigint[]);
