-- name: batch
select
    source,
    pulls,
    raw_rows
from ledger.purge_raw(%(closed_before)s, %(at_most)s);

-- name: waiting
-- What a purge would delete, and what it would keep because a frozen line is explained by it; rows are counted, not estimated.
with unread as materialized (
    select
        pull_id,
        source,
        is_needed
    from ledger.unread_pulls
    where closed_at < %(closed_before)s
),

landed as (
    select
        counted.pull_id,
        counted.landed as raw_rows
    from ledger.landed(array(select unread.pull_id from unread)) as counted
)

select
    u.source,
    count(*) filter (where not u.is_needed) as pulls,
    coalesce(sum(l.raw_rows) filter (where not u.is_needed), 0)::bigint as raw_rows,
    count(*) filter (where u.is_needed) as kept_pulls,
    coalesce(sum(l.raw_rows) filter (where u.is_needed), 0)::bigint as kept_rows
from unread as u
left join landed as l on u.pull_id = l.pull_id
group by u.source
order by u.source;

-- name: late
select count(*) as pulls from ledger.unread_pulls
where closed_at < %(closed_before)s and not is_needed;
