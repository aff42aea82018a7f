-- Every checkpoint of the threads that have one of [:first, :next), by thread. `ts` is written by LangGraph as ISO 8601 in
-- UTC and so sorts as text; an index on it, created by the platform, keeps this quick.
with touched as (
    select distinct thread_id
    from checkpoints
    where
        checkpoint ->> 'ts' collate "C" >= :first
        and checkpoint ->> 'ts' collate "C" < :next
)

select
    c.thread_id,
    c.checkpoint_ns as namespace,
    c.checkpoint_id,
    c.parent_checkpoint_id as parent_id,
    c.checkpoint ->> 'ts' as ts,
    c.checkpoint ->> 'v' as version,
    c.checkpoint -> 'channel_versions' ->> '__start__' as input_version,
    c.metadata ->> 'source' as source,
    c.metadata ->> 'step' as step,
    c.metadata ->> 'run_id' as run_id,
    array(select c.metadata ->> named.key from unnest(cast(:tenant_keys as text [])) as named (key)) as tenants,
    coalesce(w.is_interrupted, false) as is_interrupted,
    coalesce(w.is_failed, false) as is_failed,
    coalesce(w.is_worked_on, false) as is_worked_on
from checkpoints as c
inner join touched on c.thread_id = touched.thread_id
left join lateral (
    select
        bool_or(writes.channel = '__interrupt__') as is_interrupted,
        bool_or(writes.channel = '__error__') as is_failed,
        count(*) > 0 as is_worked_on
    from checkpoint_writes as writes
    where
        writes.thread_id = c.thread_id
        and writes.checkpoint_ns = c.checkpoint_ns
        and writes.checkpoint_id = c.checkpoint_id
) as w on true
order by c.thread_id collate "C", c.checkpoint ->> 'ts' collate "C", c.checkpoint_id collate "C"
