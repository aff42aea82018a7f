-- What pages ask for and Dagster carries out (module warehouse.control.tasks).

-- name: add
insert into control.tasks (page, steps, asked_by)
values (%(page)s, %(steps)s, %(asked_by)s)
on conflict (page, steps) where ended_at is null do nothing
returning task_id

-- name: asked
select task_id from control.tasks
where page = %(page)s and steps = %(steps)s and ended_at is null

-- name: unfinished
select task_id, page, steps, asked_by, asked_at, step, started_at, ended_at, fault
from control.tasks
where ended_at is null
order by task_id

-- name: task
select task_id, page, steps, asked_by, asked_at, step, started_at, ended_at, fault
from control.tasks
where task_id = %(task_id)s

-- name: of_page
-- Those at work, and those that ended since, newest first.
select task_id, page, steps, asked_by, asked_at, step, started_at, ended_at, fault
from control.tasks
where
    (page = %(page)s or %(page)s::text is null)
    and (ended_at is null or ended_at >= %(ended_since)s)
order by task_id desc
limit %(limit)s offset %(offset)s

-- name: count
select count(*) as tasks from control.tasks where ended_at is null or ended_at >= %(ended_since)s

-- name: begin
update control.tasks set started_at = now()
where task_id = %(task_id)s and started_at is null and ended_at is null

-- name: advance
update control.tasks set step = %(step)s
where task_id = %(task_id)s and ended_at is null

-- name: end
update control.tasks set ended_at = now(), fault = %(fault)s
where task_id = %(task_id)s and ended_at is null

-- name: days_pulled
-- Of the days that a pull asks for, those that came to an end since it began.
select count(distinct p.usage_date)
from ledger.pulls as p
where
    p.source = %(source)s
    and p.usage_date between %(first_day)s and %(last_day)s
    and p.closed_at >= %(since)s
    and (p.tenant_id = %(tenant_id)s or p.account = 'platform' or %(tenant_id)s::text is null)
