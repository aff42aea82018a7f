-- name: take
select
    t.place,
    t.outcome
from
    intake.take_events(
        %(of_arrivals)s, %(sources)b::text [], %(event_ids)b::text [], %(types)b::text [], %(subjects)b::text [],
        %(happened)b::timestamptz [], %(hashes)b::bytea [], %(contents)b::bigint [], %(replaced)b::text [],
        %(facts)b::text [], %(personal)b::text []
    ) as t;

-- name: refuse
select intake.refuse_events(
    %(sources)s::text [], %(event_ids)s::text [], %(codes)s::text [], %(details)s::text []
);

-- name: follow
-- Rows of the reader's own tenant, which row-level security leaves.
select
    i.usage_date,
    e.received_at,
    e.type,
    e.subject,
    (
        select r.event_id from intake.replacements as r
        where
            r.tenant_id = i.tenant_id
            and r.source = i.source
            and r.root_id = coalesce(i.root_id, i.event_id)
            and r.event_number > i.event_number
        order by r.event_number desc
        limit 1
    ) as replaced_by
from intake.identities as i
left join intake.events as e
    on i.tenant_id = e.tenant_id and i.usage_date = e.usage_date and i.event_number = e.event_number
where i.tenant_id = %(tenant_id)s and i.source = %(source)s and i.event_id = %(event_id)s;

-- name: refusal
select
    r.code,
    r.detail,
    r.refused_at
from intake.refusals as r
where r.tenant_id = %(tenant_id)s and r.source = %(source)s and r.event_id = %(event_id)s;

-- name: pull_of_day
select
    s.pull_id,
    s.pulled_at,
    s.status
from marts.fct_tenant_day_status as s
where s.tenant_id = %(tenant_id)s and s.source = %(arrivals_of)s and s.usage_date = %(usage_date)s;

-- name: read_as
select
    r.is_read,
    r.origin
from intake.read_as(%(arrivals_of)s, %(pull_id)s, %(source)s, %(event_id)s) as r;

-- name: overage_line
select p.line_id from marts.fct_line_parts as p
where
    p.tenant_id = %(tenant_id)s
    and p.source = %(arrivals_of)s
    and p.usage_date = %(usage_date)s
    and p.origin = %(origin)s
limit 1;

-- name: frozen_line
select intake.frozen_line_of(%(arrivals_of)s, %(source)s, %(event_id)s, %(line_id)s) as line_id;

-- name: adjustment
-- What a line that is approved is corrected by, as long as that is not approved itself.
select l.line_id from marts.fct_statement_lines as l
where
    l.tenant_id = %(tenant_id)s
    and l.corrects_line_id = %(line_id)s
    and l.period_state not in ('approved', 'closed')
order by l.period_start
limit 1;

-- name: make_month
select intake.make_month(%(month)s);

-- name: tidy
select intake.tidy(%(today)s) as identities;
