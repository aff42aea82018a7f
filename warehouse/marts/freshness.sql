-- name: tenants_active_between
-- Tenants that are active on at least one day of [first_day, last_day], both included.
select distinct tenant_id
from control.active_spans()
where valid_from <= %(last_day)s and coalesce(valid_to, 'infinity') > %(first_day)s
order by tenant_id;

-- name: marts_are_built
select
    to_regclass('marts.fct_pulls_built') is not null
    and to_regclass('marts.fct_line_balances') is not null
    and to_regclass('marts.dim_build') is not null as marts_are_built;

-- name: what_the_marts_lack
-- What should be, compared with what is; no watermark.
select
    (
        select count(*)
        from ledger.pulls as pulls
        where
            pulls.state = 'published'
            and not exists (select 1 from marts.fct_pulls_built as built where pulls.pull_id = built.pull_id)
    ) as pulls_not_built,
    (select revision from control.revision)
    > coalesce((select max(control_revision) from marts.dim_build), -1) as is_control_newer,
    coalesce((select max(as_of) from marts.dim_build), '-infinity') < %(today)s as is_day_newer;

-- name: what_statements_lack
-- The same as far as it concerns the statements of some tenants: a change of another tenant's period moves none of theirs,
-- nor does a pull of another tenant's own account, nor that a review began: lines depend on what is frozen, and on no other
-- state. Nor does a reading of a day in progress, whose own period is not over.
with built as (
    select
        coalesce(max(control_revision), -1) as revision,
        coalesce(max(as_of), '-infinity') as as_of
    from marts.dim_build
)

select
    (
        select count(*)
        from ledger.pulls as pulls
        where
            pulls.state = 'published'
            and not (pulls.is_in_progress and pulls.usage_date >= %(today)s)
            and pulls.account = any(%(tenant_ids)s::text[] || 'platform'::text)
            and not exists (select 1 from marts.fct_pulls_built as known where pulls.pull_id = known.pull_id)
    ) as pulls_not_built,
    (select besides_periods from control.revision) > built.revision
    or exists (
        select 1 from ledger.periods as p
        left join marts.fct_statements as s on p.tenant_id = s.tenant_id and p.period_start = s.period_start
        where
            p.tenant_id = any(%(tenant_ids)s)
            and p.revision > built.revision
            and (p.state in ('approved', 'closed')) <> (coalesce(s.period_state, 'open') in ('approved', 'closed'))
    ) as is_control_newer,
    built.as_of < %(today)s as is_day_newer
from built;

-- name: hold_the_right_to_build
-- Until the session ends, however that ends: two builds would delete and insert the same account-days.
select pg_catalog.pg_advisory_lock({lock_build}, 0);

-- name: try_the_right_to_build
select pg_catalog.pg_try_advisory_lock({lock_build}, 0) as is_held;

-- name: does_an_approval_wait
-- For the right to build that this session holds.
select exists (
    select from pg_catalog.pg_locks as l
    where
        l.locktype = 'advisory' and l.classid = {lock_build} and l.objid = 0 and l.mode = 'ShareLock' and not l.granted
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
) as it_does;

-- name: give_up_the_right_to_build
select pg_catalog.pg_advisory_unlock({lock_build}, 0);

-- name: build_under_way
-- Who holds the right to build, or the marts for an approval, in words.
select
    case l.mode
        when 'ShareLock' then 'an approval'
        else coalesce('the build begun at ' || to_char(begun.at at time zone 'UTC', 'HH24:MI:SS') || ' UTC', 'a build')
    end
    || format(' by login %s (process %s, %s)', a.usename, a.pid, a.application_name) as build
from pg_catalog.pg_locks as l
inner join pg_catalog.pg_stat_activity as a on l.pid = a.pid
left join lateral (
    select max(b.started_at) as at from ledger.builds as b
    where b.ended_at is null
) as begun on true
where
    l.locktype = 'advisory' and l.classid = {lock_build} and l.objid = 0 and l.granted
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
limit 1;

-- name: hold_the_marts
-- Until the transaction ends: while they are read to be frozen, no build replaces them one by one.
select pg_catalog.pg_advisory_xact_lock_shared({lock_build}, 0);

-- name: begin_build
-- are_models_new: some table may be of other models, since no build ended well with these, or one of others began after it.
-- do_views_stand: a build from scratch that was killed may have left some out.
insert into ledger.builds (as_of, models_digest) values (%(as_of)s, %(models_digest)s)
returning
    build_id,
    not exists (
        select from ledger.builds as good
        where
            good.ended_at is not null and good.fault is null and good.models_digest = %(models_digest)s
            and not exists (
                select from ledger.builds as later
                where later.build_id > good.build_id and later.models_digest <> good.models_digest
            )
    ) as are_models_new,
    not exists (
        select from unnest(%(staging)s::text[]) as named (model)
        where to_regclass('staging.' || named.model) is null
    ) as do_views_stand;

-- name: end_build
update ledger.builds
set ended_at = clock_timestamp(), fault = %(fault)s
where build_id = %(build_id)s;

-- name: readers_can_be_notified
select exists (
    select 1 from pg_catalog.pg_attribute
    where attrelid = to_regclass('marts.dim_build') and attname = 'fault' and not attisdropped
) as readers_can_be_notified;

-- name: tell_readers
-- For those who see the marts alone; the next good build replaces the table and forgets it.
update marts.dim_build
set failed_at = clock_timestamp(), fault = %(fault)s;

-- name: last_builds
-- When the marts were last built whole, and what the latest build that ended since failed of.
select
    concat_ws(
        '; ',
        'built ' || to_char(good.ended_at at time zone 'UTC', 'FMDD Mon YYYY, HH24:MI') || ' UTC',
        'a build failed ' || to_char(bad.ended_at at time zone 'UTC', 'FMDD Mon YYYY, HH24:MI') || ' UTC: ' || bad.fault
    ) as told
from (select max(ended_at) as ended_at from ledger.builds where fault is null) as good
left join lateral (
    select b.ended_at, b.fault
    from ledger.builds as b
    where b.fault is not null and b.ended_at > coalesce(good.ended_at, '-infinity')
    order by b.build_id desc
    limit 1
) as bad on true;

-- name: published_tenant_days
-- Tenant-days of some tenants that are published; closed since a moment, if given, and those of Dagster's runs before another.
select
    used.tenant_id,
    pulls.usage_date,
    pulls.source,
    pulls.account,
    min(pulls.row_count) as rows,
    min(pulls.pull_id) as pull_id,
    bool_or(pulls.is_incomplete) as is_incomplete
from ledger.pulls as pulls
inner join ledger.attempts as attempts on pulls.attempt_id = attempts.attempt_id
inner join control.tenant_sources as used
    on
        pulls.source = used.source
        and pulls.account = used.account
        and pulls.usage_date >= used.valid_from
        and pulls.usage_date < coalesce(used.valid_to, 'infinity')
where
    pulls.state = 'published'
    and not pulls.is_in_progress
    and pulls.usage_date >= %(first_day)s
    and used.tenant_id = any(%(tenant_ids)s)
    and pulls.closed_at >= coalesce(%(since)s::timestamptz, '-infinity')
    and (attempts.run_id is null or pulls.closed_at < %(of_runs_before)s)
group by used.tenant_id, pulls.usage_date, pulls.source, pulls.account
order by pulls.usage_date desc, used.tenant_id asc, pulls.source asc;
