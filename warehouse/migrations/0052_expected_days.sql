-- Which days of which account an active tenant uses: one rule for what is due, what needs attention and whom the night pulls.
-- No settings of its own, so that it is planned as a part of the query that asks.
create function control.active_spans() returns table (tenant_id text, valid_from date, valid_to date)
language sql stable as $$
    select v.tenant_id, v.valid_from, v.valid_to
    from (
        select
            s.tenant_id,
            s.status,
            s.valid_from,
            lead(s.valid_from) over (partition by s.tenant_id order by s.valid_from) as valid_to
        from control.tenant_statuses as s
    ) as v
    where v.status = 'active'
$$;
comment on function control.active_spans() is 'Half-open [valid_from, valid_to); valid_to is null where it goes on.';

create function control.expected_days(first_day date, last_day date)
returns table (tenant_id text, source text, account text, usage_date date) language sql stable as $$
    select distinct
        t.tenant_id,
        t.source,
        t.account,
        d.day::date as usage_date
    from control.tenant_sources as t
    inner join control.active_spans() as s on t.tenant_id = s.tenant_id
    cross join
        lateral generate_series(
            greatest(t.valid_from, s.valid_from, first_day)::timestamp,
            least(t.valid_to - 1, s.valid_to - 1, last_day)::timestamp,
            interval '1 day'
        ) as d (day)
$$;
comment on function control.expected_days(date, date) is
'Usage dates of [first_day, last_day], both included, that active tenants have of each source, and the account they are read from.';
