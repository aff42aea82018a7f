-- name: unattached
-- Rows of whom no id is attached on their day, by the id that would decide first.
select
    deciding.kind,
    deciding.value,
    min(r.usage_date) as first_day,
    count(*) as rows
from ledger.pulls as p
inner join {raw} as r on p.pull_id = r.pull_id
cross join lateral (
    select
        i.kind,
        i.value
    from (values {ids}) as i (kind, value, place)
    where i.value <> ''
    order by i.place
    limit 1
) as deciding
where
    p.source = %(source)s
    and p.account = %(account)s
    and p.state = 'published'
    and not exists (
        select from (values {every}) as e (kind, value)
        inner join control.scopes as s on e.kind = s.kind and e.value = s.value
        where
            s.tenant_id is not null
            and s.valid_from <= r.usage_date
            and r.usage_date < coalesce(s.valid_to, 'infinity')
    )
group by deciding.kind, deciding.value
order by min(r.usage_date), deciding.kind, deciding.value;

-- name: attached
select distinct on (s.kind, s.value)
    s.kind,
    s.value,
    s.tenant_id,
    s.agent_id
from control.scopes as s
where s.tenant_id is not null and s.kind = any(%(kinds)s)
order by s.kind, s.value, s.valid_from desc;
