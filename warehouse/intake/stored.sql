-- name: day
-- Events that stand: of those that replace one another only the last.
select
    e.source,
    e.event_id,
    e.type,
    e.subject,
    e.happened_at,
    e.root_id is not null as is_replacement,
    e.facts::text as facts,
    e.personal::text as personal
from intake.events as e
where
    e.tenant_id = %(tenant_id)s
    and e.usage_date = %(usage_date)s
    and not exists (
        select from intake.replacements as r
        where
            r.tenant_id = e.tenant_id
            and r.source = e.source
            and r.root_id = coalesce(e.root_id, e.event_id)
            and r.event_number > e.event_number
    )
order by e.event_number;

-- name: counted
select
    coalesce(sum(a.events), 0) as events,
    coalesce(sum(a.content), 0) as content,
    (
        select count(*) from intake.events as e
        where e.tenant_id = %(tenant_id)s and e.usage_date = %(usage_date)s
    ) as stored
from ledger.arrivals as a
where a.tenant_id = %(tenant_id)s and a.source = %(source)s and a.usage_date = %(usage_date)s;
