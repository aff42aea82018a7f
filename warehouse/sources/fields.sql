-- name: new_fields
select
    n.source,
    n.field,
    n.account,
    n.usage_date,
    n.pull_id,
    n.seen_at,
    n.acknowledged_at,
    n.acknowledged_by
from ledger.new_fields as n
where %(with_acknowledged)s or n.acknowledged_at is null
order by n.source, n.field;

-- name: acknowledge
update ledger.new_fields
set
    acknowledged_at = clock_timestamp(),
    acknowledged_by = %(actor)s
where
    source = %(source)s
    and (%(field)s::text is null or field = %(field)s)
    and acknowledged_at is null;

-- name: is_cleaning_due
select not exists (select from ledger.cleanings) as is_due;

-- name: payloads
select
    r.ctid::text as row_id,
    r.payload::text as payload
from {raw} as r;

-- name: clean
select ledger.clean_payloads(%s, %s::tid [], %s::json []) as changed;

-- name: cleaned
insert into ledger.cleanings (rows_changed) values (%s);
