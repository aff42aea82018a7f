-- What nodes wrote, of the threads that have a checkpoint of [:first, :next): writes that hold the usage of a model, and
-- those whose content is sealed or of a kind that is not read (`content` is null). By thread, in the order of checkpoints.sql.
with touched as (
    select distinct thread_id
    from checkpoints
    where
        checkpoint ->> 'ts' collate "C" >= :first
        and checkpoint ->> 'ts' collate "C" < :next
)

select
    w.thread_id,
    w.checkpoint_ns as namespace,
    w.checkpoint_id,
    case when w.type = 'msgpack' then w.blob end as content
from checkpoint_writes as w
inner join touched on w.thread_id = touched.thread_id
where
    w.channel not like '\_\_%'
    and w.channel not like 'branch:%'
    and (
        w.type not in ('msgpack', 'null', 'empty', 'bytes', 'bytearray')
        or (w.type = 'msgpack' and position(convert_to('usage_metadata', 'UTF8') in w.blob) > 0)
    )
order by w.thread_id collate "C", w.checkpoint_id collate "C", w.task_id, w.idx
