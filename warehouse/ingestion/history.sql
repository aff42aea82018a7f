-- name: pulls
-- One row per pull, newest day first; number counts the pulls of its account-day, from the first ever.
select
    p.pull_id,
    p.source,
    p.account,
    p.usage_date,
    case
        when p.state in ('published', 'unchanged') and not ledger.is_whole(p) then 'incomplete'
        when p.state = 'published' and p.row_count = 0 then 'no usage'
        else p.state
    end as state,
    p.state = 'published' as is_current,
    p.is_incomplete,
    (
        select count(*) from ledger.pulls as earlier
        where
            earlier.source = p.source
            and earlier.account = p.account
            and earlier.usage_date = p.usage_date
            and earlier.pull_id <= p.pull_id
    ) as number,
    p.row_count,
    p.requests,
    jsonb_array_length(p.windows) as windows,
    p.totals::text as totals,
    p.provider_totals::text as provider_totals,
    p.cause_code,
    p.cause,
    p.is_permanent,
    p.confirms_pull_id,
    a.attempt_id,
    a.trigger,
    a.run_id,
    p.opened_at,
    p.closed_at,
    p.purged_at
from ledger.pulls as p
inner join ledger.attempts as a on p.attempt_id = a.attempt_id
where
    p.usage_date between %(first_day)s and %(last_day)s
    and (%(sources)s::text [] is null or p.source = any(%(sources)s))
    and (%(states)s::text [] is null or p.state = any(%(states)s))
    and (
        %(tenant_ids)s::text [] is null
        or p.tenant_id = any(%(tenant_ids)s)
        or (
            p.tenant_id is null
            and exists (
                select from control.tenant_sources as uses
                where
                    uses.tenant_id = any(%(tenant_ids)s)
                    and uses.source = p.source
                    and uses.account = p.account
                    and uses.valid_from <= p.usage_date
                    and p.usage_date < coalesce(uses.valid_to, 'infinity')
            )
        )
    )
order by p.usage_date desc, p.source asc, p.account asc, p.pull_id desc
limit %(at_most)s;

-- name: pull
select
    pull_id,
    source,
    account,
    usage_date,
    state,
    is_incomplete,
    row_count,
    totals::text as totals,
    closed_at,
    purged_at
from ledger.pulls
where pull_id = %(pull_id)s;

-- name: account_of_day
-- Whose account holds a tenant's day of a source.
select uses.account
from control.tenant_sources as uses
where
    uses.tenant_id = %(tenant_id)s
    and uses.source = %(source)s
    and uses.valid_from <= %(usage_date)s
    and %(usage_date)s < coalesce(uses.valid_to, 'infinity')
limit 1;

-- name: last_two_of_day
-- What is current, and what it superseded.
select pull_id
from ledger.pulls
where
    source = %(source)s
    and account = %(account)s
    and usage_date = %(usage_date)s
    and state in ('published', 'superseded')
order by pull_id desc
limit 2;

-- name: changes
-- What two pulls of one source say otherwise of each item; numbers of one item are summed, and compared as numbers.
with reported as (
    {reported}
),

summed as (
    select
        item,
        field,
        coalesce(
            to_jsonb(trim_scale(sum(number) filter (where pull_id = %(before)s))),
            (array_agg(value) filter (where pull_id = %(before)s))[1]
        ) as before,
        coalesce(
            to_jsonb(trim_scale(sum(number) filter (where pull_id = %(after)s))),
            (array_agg(value) filter (where pull_id = %(after)s))[1]
        ) as after
    from reported
    group by item, field
),

items as (
    select
        item,
        bool_or(pull_id = %(before)s) as was_there,
        bool_or(pull_id = %(after)s) as is_there
    from reported
    group by item
)

select
    s.item,
    case when not i.was_there then 'added' when not i.is_there then 'gone' else 'changed' end as change,
    s.field,
    s.before #>> '{{}}' as before,
    s.after #>> '{{}}' as after
from summed as s
inner join items as i on s.item = i.item
where s.before is distinct from s.after
order by change, s.item, s.field;

-- name: told_by_columns
select
    r.pull_id,
    concat_ws(' / ', {key}) as item,
    f.key as field,
    f.value,
    null::numeric as number
from {raw} as r
cross join lateral jsonb_each(jsonb_strip_nulls(to_jsonb(r) - {left_out}::text [])) as f (key, value)
where r.pull_id in (%(before)s, %(after)s)
