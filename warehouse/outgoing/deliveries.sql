-- name: claim
-- The first of each subject alone: while it waits, whatever follows waits. Whoever claims at the same time skips what is taken.
with room as (
    select
        e.endpoint_id,
        least(case when s.failing_since is null then %(at_once)s else 1 end, %(at_once)s)
        - coalesce(
            (
                select u.under_way from unnest(%(endpoints)s::text [], %(counts)s::int []) as u (endpoint_id, under_way)
                where u.endpoint_id = e.endpoint_id
            ), 0
        ) as free
    from control.endpoints as e
    inner join ledger.endpoint_states as s on e.endpoint_id = s.endpoint_id
    where
        e.revoked_at is null
        and s.gone_at is null
        and coalesce(s.held_until, '-infinity') <= %(now)s
),

chosen as (
    select
        d.endpoint_id,
        d.event_number
    from room as r
    cross join
        lateral (
            select
                w.endpoint_id,
                w.event_number,
                w.next_attempt_at
            from ledger.deliveries as w
            where
                w.endpoint_id = r.endpoint_id
                and w.state = 'waiting'
                and w.next_attempt_at <= %(now)s
                and w.event_number = (
                    select f.event_number
                    from ledger.deliveries as f
                    where f.endpoint_id = w.endpoint_id and f.subject = w.subject and f.state = 'waiting'
                    order by f.event_number
                    limit 1
                )
            order by w.next_attempt_at, w.event_number
            limit greatest(r.free, 0)
            for update skip locked
        ) as d
    order by d.next_attempt_at, d.event_number
    limit %(most)s
),

taken as (
    update ledger.deliveries as d set next_attempt_at = %(lease_ends)s
    from chosen as c
    where d.endpoint_id = c.endpoint_id and d.event_number = c.event_number
    returning d.endpoint_id, d.event_number, d.attempts, d.first_attempted_at
)

select
    t.endpoint_id,
    t.event_number,
    o.event_id,
    o.type,
    o.tenant_id,
    o.data,
    o.happened_at,
    t.attempts,
    t.first_attempted_at
from taken as t
inner join ledger.outgoing_events as o on t.event_number = o.event_number
order by t.event_number;

-- name: delivered
-- Also where another has given it up meanwhile: it was taken.
update ledger.deliveries
set
    state = 'delivered',
    attempts = %(attempts)s,
    attempted_at = %(now)s,
    last_status = %(status)s,
    fault = null
where endpoint_id = %(endpoint_id)s and event_number = %(event_number)s;

-- name: failed
-- Never of what another has delivered meanwhile.
update ledger.deliveries
set
    state = %(state)s,
    attempts = %(attempts)s,
    next_attempt_at = %(next_at)s,
    first_attempted_at = coalesce(first_attempted_at, %(now)s),
    attempted_at = %(now)s,
    last_status = %(status)s,
    fault = %(fault)s
where endpoint_id = %(endpoint_id)s and event_number = %(event_number)s and state = 'waiting';

-- name: endpoint_answers
-- One that is gone stays so, whatever was under way when it said that: what follows would overtake what was given up.
update ledger.endpoint_states
set
    failures = 0,
    failing_since = null,
    held_until = null
where endpoint_id = %(endpoint_id)s and failures > 0;

-- name: begin_again
update ledger.endpoint_states
set
    failures = 0,
    failing_since = null,
    held_until = null,
    gone_at = null
where endpoint_id = %(endpoint_id)s;

-- name: endpoint_gone
update ledger.endpoint_states
set
    failures = failures + 1,
    gone_at = coalesce(gone_at, %(now)s)
where endpoint_id = %(endpoint_id)s;

-- name: endpoint_fails
update ledger.endpoint_states
set
    failures = failures + 1,
    failing_since = coalesce(failing_since, %(now)s),
    held_until = %(now)s + greatest(
        least(make_interval(secs => 2 ^ least(failures, 10)), %(longest)s::interval),
        least(%(wait)s::interval, interval '1 hour')
    )
where endpoint_id = %(endpoint_id)s
returning failing_since;

-- name: end_waiting
update ledger.deliveries as d
set
    state = 'dead',
    fault = %(fault)s
from ledger.outgoing_events as o
where
    d.event_number = o.event_number
    and d.endpoint_id = %(endpoint_id)s
    and d.state = 'waiting'
    and o.happened_at <= %(before)s;

-- name: replay
update ledger.deliveries as d
set
    state = 'waiting',
    attempts = 0,
    next_attempt_at = %(now)s,
    first_attempted_at = null,
    fault = null
from ledger.outgoing_events as o
where
    d.event_number = o.event_number
    and d.endpoint_id = %(endpoint_id)s
    and case
        when %(event_id)s::text is not null then o.event_id = %(event_id)s
        when %(since)s::timestamptz is not null then o.happened_at >= %(since)s
        else d.state = 'dead'
    end;

-- name: next_due
-- Of an endpoint that is held, not before it is tried again.
select
    min(greatest(nullif(d.next_attempt_at, '-infinity'), s.held_until, 'epoch')) as next_at
from ledger.deliveries as d
inner join control.endpoints as e on d.endpoint_id = e.endpoint_id and e.revoked_at is null
inner join ledger.endpoint_states as s on d.endpoint_id = s.endpoint_id and s.gone_at is null
where
    d.state = 'waiting'
    and d.event_number = (
        select f.event_number
        from ledger.deliveries as f
        where f.endpoint_id = d.endpoint_id and f.subject = d.subject and f.state = 'waiting'
        order by f.event_number
        limit 1
    );

-- name: listed
select
    d.endpoint_id,
    e.host,
    o.event_id,
    o.type,
    o.tenant_id,
    d.subject,
    d.state,
    d.attempts,
    case when d.state = 'waiting' then nullif(d.next_attempt_at, '-infinity') end as next_attempt_at,
    d.attempted_at,
    d.last_status,
    d.fault,
    o.happened_at
from ledger.deliveries as d
inner join ledger.outgoing_events as o on d.event_number = o.event_number
inner join control.endpoints as e on d.endpoint_id = e.endpoint_id
where
    d.state = any(%(states)s)
    and (%(endpoint_id)s::text is null or d.endpoint_id = %(endpoint_id)s)
order by d.event_number desc, d.endpoint_id
limit %(limit)s offset %(offset)s;

-- name: call_facts
select
    c.direction,
    c.outcome,
    c.ended_reason,
    c.connected_seconds,
    c.created_at,
    c.started_at,
    c.ended_at
from marts.fct_calls as c
where
    c.tenant_id = %(tenant_id)s
    and c.source = %(source)s
    and c.account = %(account)s
    and c.call_id = %(call_id)s
    and c.usage_date = %(usage_date)s::date;
