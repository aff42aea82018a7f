-- name: never_idle_out
set idle_session_timeout = 0;

-- name: reserve
-- Nobody waits longer than five minutes, whatever a clock that was set back or a dead process has left here.
insert into ledger.request_paces as p (provider, key_fingerprint, next_start)
values (%(provider)s, %(fingerprint)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (provider, key_fingerprint) do update
set
    next_start
    = least(greatest(p.next_start, clock_timestamp()), clock_timestamp() + interval '5 minutes')
    + make_interval(secs => %(seconds)s)
returning extract(epoch from p.next_start - clock_timestamp())::float8 - %(seconds)s as wait;

-- name: pause
insert into ledger.request_paces as p (provider, key_fingerprint, next_start)
values (%(provider)s, %(fingerprint)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (provider, key_fingerprint) do update
set next_start = greatest(p.next_start, excluded.next_start);
