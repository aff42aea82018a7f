-- name: read_through
-- The last day of a period of which anything was read, and the days up to it that lack something.
with days as (
    select
        d.usage_date,
        bool_or(d.status in ('usage', 'no usage', 'incomplete')) as is_read,
        bool_and(d.status in ('usage', 'no usage')) as is_whole
    from marts.fct_tenant_day_status as d
    inner join marts.fct_statements as s
        on d.tenant_id = s.tenant_id and d.usage_date >= s.period_start and d.usage_date < s.period_end
    where s.tenant_id = %(tenant_id)s and s.period_start = %(period_start)s
    group by d.usage_date
)

select
    max(usage_date) filter (where is_read) as through,
    count(*) filter (
        where not is_whole and usage_date <= (select max(e.usage_date) from days as e where e.is_read)
    ) as missing
from days;

-- name: heat
-- One row per tenant, those with most to fix first: its worst status of each day, as {"date": "status"}. Days are read for
-- the tenants of one page only; which tenants those are is told by the few days that need fixing.
with to_mend as (
    select
        tenant_id,
        count(distinct usage_date) as days_to_fix,
        max(usage_date) as latest_to_mend
    from marts.fct_tenant_day_status
    where
        usage_date >= %(first_day)s
        and usage_date <= %(last_day)s
        and status in ('failed', 'not pulled', 'incomplete')
    group by tenant_id
),

page as materialized (
    select
        t.tenant_id,
        t.name,
        coalesce(m.days_to_fix, 0) as days_to_fix,
        m.latest_to_mend,
        count(*) over () as tenants_found
    from marts.dim_tenants as t
    left join to_mend as m on t.tenant_id = m.tenant_id
    where
        t.activated_on <= %(last_day)s
        and coalesce(t.closed_on, 'infinity') > %(first_day)s
        and (not %(only_to_fix)s or m.days_to_fix > 0)
        and (
            %(words)s = ''
            or position(lower(%(words)s) in lower(t.name)) > 0
            or position(lower(%(words)s) in t.tenant_id) > 0
        )
    order by coalesce(m.days_to_fix, 0) desc, m.latest_to_mend desc nulls last, t.tenant_id
    limit %(limit)s offset %(offset)s
)

select
    p.tenant_id,
    p.name,
    p.days_to_fix,
    p.tenants_found,
    d.statuses
from page as p
cross join lateral (
    select coalesce(jsonb_object_agg(w.usage_date, w.status), '{}') as statuses
    from (
        select distinct on (s.usage_date) s.usage_date, s.status
        from marts.fct_tenant_day_status as s
        where s.tenant_id = p.tenant_id and s.usage_date >= %(first_day)s and s.usage_date <= %(last_day)s
        order by
            s.usage_date,
            array_position(
                array['failed', 'not pulled', 'incomplete', 'in progress', 'usage', 'no usage'], s.status
            )
    ) as w
) as d
order by p.days_to_fix desc, p.latest_to_mend desc nulls last, p.tenant_id;

-- name: causes
-- What needs fixing in a window, one row per source, status and cause, tenants' own accounts apart from the shared one.
select
    source,
    status,
    case when account = 'platform' then 'platform' end as account,
    cause_code,
    max(cause) as cause,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    count(distinct usage_date) as days,
    count(distinct tenant_id) as tenants,
    min(tenant_id) as a_tenant
from marts.fct_tenant_day_status
where
    usage_date >= %(first_day)s
    and usage_date <= %(last_day)s
    and status in ('failed', 'not pulled', 'incomplete')
group by 1, 2, 3, 4
order by
    array_position(array['failed', 'not pulled', 'incomplete'], status),
    count(distinct tenant_id) desc, max(usage_date) desc
limit 12;

-- name: day
select
    d.source,
    d.account,
    d.status,
    d.pull_id,
    d.cause_code,
    d.cause,
    d.pulled_at,
    t.name
from marts.fct_tenant_day_status as d
left join marts.dim_tenants as t on d.tenant_id = t.tenant_id
where d.tenant_id = %(tenant_id)s and d.usage_date = %(usage_date)s
order by d.source;

-- name: usage_of_day
select
    meter_id,
    agent_id,
    sum(quantity) as quantity
from marts.fct_usage_daily
where tenant_id = %(tenant_id)s and usage_date = %(usage_date)s
group by meter_id, agent_id
order by meter_id, agent_id;

-- name: newest_day
-- The last day that anything is told of: today, where it is read while it is in progress.
select max(usage_date) as usage_date from marts.fct_tenant_day_status;

-- name: day_counts
-- Readings of a window, one per tenant, source and day, by their state.
select
    count(*) as readings,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'not pulled') as not_pulled,
    count(*) filter (where status = 'incomplete') as incomplete,
    count(*) filter (where status in ('usage', 'no usage')) as good,
    count(distinct tenant_id) filter (where status in ('failed', 'not pulled', 'incomplete')) as tenants_to_mend,
    (
        select count(*) from marts.dim_tenants
        where activated_on <= %(last_day)s and coalesce(closed_on, 'infinity') > %(first_day)s
    ) as tenants
from marts.fct_tenant_day_status
where usage_date >= %(first_day)s and usage_date <= %(last_day)s and status <> 'in progress';
