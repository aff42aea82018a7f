-- name: active_tenant_days
select distinct
    spans.tenant_id,
    days.usage_date
from control.active_spans() as spans
inner join unnest(%(usage_dates)s::date []) as days (usage_date)
    on days.usage_date >= spans.valid_from and days.usage_date < coalesce(spans.valid_to, 'infinity')
where spans.tenant_id = any(%(tenant_ids)s)
order by spans.tenant_id, days.usage_date;

-- name: end_of_a_block
select pulls.closed_at
from ledger.pulls as pulls
where pulls.state = 'published' and pulls.closed_at >= coalesce(%(since)s::timestamptz, '-infinity')
order by pulls.closed_at
offset %(size)s limit 1;

-- name: published_between
select distinct
    pulls.source,
    members.shard,
    pulls.usage_date
from ledger.pulls as pulls
inner join control.tenant_sources as used
    on
        pulls.source = used.source
        and pulls.account = used.account
        and pulls.usage_date >= used.valid_from
        and pulls.usage_date < coalesce(used.valid_to, 'infinity')
inner join unnest(%(tenant_ids)s::text [], %(shards)s::text []) as members (tenant_id, shard)
    on used.tenant_id = members.tenant_id
where
    pulls.state = 'published'
    and not pulls.is_in_progress
    and pulls.usage_date >= %(first_day)s
    and pulls.closed_at >= coalesce(%(since)s::timestamptz, '-infinity')
    and pulls.closed_at < coalesce(%(until)s::timestamptz, 'infinity')
order by pulls.usage_date desc, pulls.source asc, members.shard asc;

-- name: standings
-- One row per asked day. A day that none of its tenants uses the source on lacks nothing.
with asked as (
    select
        days.source,
        days.shard,
        days.usage_date
    from
        unnest(%(sources)s::text [], %(day_shards)s::text [], %(usage_dates)s::date [])
            as days (source, shard, usage_date)
),

due as (
    select distinct
        asked.source,
        asked.shard,
        asked.usage_date,
        used.tenant_id,
        used.account
    from asked
    inner join unnest(%(tenant_ids)s::text [], %(shards)s::text []) as members (tenant_id, shard)
        on asked.shard = members.shard
    inner join control.active_spans() as spans
        on
            members.tenant_id = spans.tenant_id
            and asked.usage_date >= spans.valid_from
            and asked.usage_date < coalesce(spans.valid_to, 'infinity')
    inner join control.tenant_sources as used
        on
            members.tenant_id = used.tenant_id
            and asked.source = used.source
            and asked.usage_date >= used.valid_from
            and asked.usage_date < coalesce(used.valid_to, 'infinity')
)

select
    asked.source,
    asked.shard,
    asked.usage_date,
    count(distinct due.tenant_id) as tenants,
    max(pulls.pull_id) as pull_id,
    bool_and(due.tenant_id is null or pulls.pull_id is not null) as is_whole,
    coalesce(bool_or(pulls.is_incomplete), false) as is_incomplete
from asked
left join due
    on asked.source = due.source and asked.shard = due.shard and asked.usage_date = due.usage_date
left join ledger.pulls as pulls
    on
        due.source = pulls.source
        and due.account = pulls.account
        and due.usage_date = pulls.usage_date
        and pulls.state = 'published'
        and not pulls.is_in_progress
group by asked.source, asked.shard, asked.usage_date
order by asked.usage_date desc, asked.source asc, asked.shard asc;
