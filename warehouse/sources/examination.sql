-- name: is_migrated
select
    to_regclass('minutebook.migrations') is not null
    and to_regclass('control.tenant_sources') is not null as is_migrated;

-- name: applied
select name from minutebook.migrations;

-- name: sources_in_use
-- Of tenants that are active, will be, or closed so lately that their last days are still looked at again.
select distinct t.source
from control.tenant_sources as t
inner join control.sources as s on t.source = s.source
inner join control.active_spans() as a on t.tenant_id = a.tenant_id
where
    (t.valid_to is null or t.valid_to > %(today)s)
    and (a.valid_to is null or a.valid_to + s.look_back_days > %(today)s)
order by t.source;

-- name: tenants_without_credential
select distinct
    t.tenant_id,
    s.provider,
    s.accounts = 'shared' as is_shared
from control.tenant_sources as t
inner join control.sources as s on t.source = s.source
inner join control.active_spans() as a on t.tenant_id = a.tenant_id
where
    s.needs_credential
    and s.enabled_by is null
    and (t.valid_to is null or t.valid_to > %(today)s)
    and (a.valid_to is null or a.valid_to + s.look_back_days > %(today)s)
    and not exists (
        select 1 from control.credentials as c
        where
            c.retired_at is null
            and c.provider = s.provider
            and (c.tenant_id = t.tenant_id or (c.tenant_id is null and t.account = 'platform'))
    )
order by t.tenant_id, s.provider;

-- name: last_word_on_key
-- How the provider last took the key that is stored now: a day read with it, or its rejection.
select
    p.cause_code,
    p.cause,
    p.closed_at
from ledger.pulls as p
where
    p.source = any(%(sources)s)
    and p.account = coalesce(%(tenant_id)s::text, 'platform')
    and (p.state in ('published', 'superseded', 'unchanged') or p.cause_code = 'credential_rejected')
    and p.closed_at > (
        select max(c.created_at) from control.credentials as c
        where
            c.provider = %(provider)s
            and c.tenant_id is not distinct from %(tenant_id)s::text
            and c.retired_at is null
    )
order by p.pull_id desc
limit 1;

-- name: noticed
-- By account, of each day as it was last read well.
with latest as (
    select distinct on (p.source, p.account, p.usage_date)
        p.source,
        p.account,
        p.tenant_id,
        p.usage_date,
        (p.totals ->> %(name)s)::numeric as noticed
    from ledger.pulls as p
    where p.usage_date >= %(first_day)s and p.state in ('published', 'unchanged')
    order by p.source, p.account, p.usage_date, p.pull_id desc
)

select
    source,
    account,
    tenant_id,
    count(*) as days,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    sum(noticed) as noticed
from latest
where noticed > 0
group by source, account, tenant_id
order by source, account;
