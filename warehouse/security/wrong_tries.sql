-- name: counted
select
    t.key_hash,
    t.failures,
    ceil(extract(epoch from t.begun_at + make_interval(secs => %(window)s) - now()))::int as seconds_left
from control.wrong_tries as t
where t.key_hash = any(%(keys)s) and t.begun_at > now() - make_interval(secs => %(window)s);

-- name: count
-- In one order, so that two tries at once do not wait for each other in a circle.
insert into control.wrong_tries as t (key_hash, failures)
select
    k.key_hash,
    1
from unnest(%(keys)s::bytea []) as k (key_hash)
order by k.key_hash
on conflict (key_hash) do update
    set
        failures = case when t.begun_at > now() - make_interval(secs => %(window)s) then t.failures + 1 else 1 end,
        begun_at = case when t.begun_at > now() - make_interval(secs => %(window)s) then t.begun_at else now() end;

-- name: take_back
with of_these as (
    select t.key_hash from control.wrong_tries as t
    where t.key_hash = any(%(keys)s)
    order by t.key_hash
    for update
)

update control.wrong_tries as t set failures = greatest(t.failures - 1, 0)
from of_these
where t.key_hash = of_these.key_hash;

-- name: forget
delete from control.wrong_tries where key_hash = any(%(keys)s);

-- name: purge
delete from control.wrong_tries
where key_hash in (
    select t.key_hash from control.wrong_tries as t
    where t.begun_at < now() - make_interval(secs => %(window)s)
    limit 1000
    for update skip locked
);
