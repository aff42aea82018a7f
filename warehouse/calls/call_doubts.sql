-- name: that_block
-- Fields of one call that contradict each other and that nobody accepted, of the windows that statements answer for (see
-- days_that_block): how many calls, from which day to which, the first of them, and what names all of them as they are.
with asked as (
    select *
    from unnest(
        %(tenant_ids)s::text[], %(starts)s::date[], %(service_starts)s::date[], %(service_ends)s::date[],
        %(known_until)s::timestamptz[]
    ) as a (tenant_id, period_start, service_start, service_end, known_until)
),

standing as (
    select
        a.period_start,
        a.service_start,
        d.*,
        exists (select from ledger.pulls as p where p.confirms_pull_id = d.pull_id) as is_repeated
    from asked as a
    inner join marts.fct_call_doubts as d
        on a.tenant_id = d.tenant_id and d.usage_date >= a.service_start and d.usage_date < a.service_end
    left join ledger.known_gaps as g
        on
            d.doubt = g.gap
            and d.tenant_id = g.tenant_id
            and d.source = g.source
            and d.account = g.account
            and d.usage_date = g.usage_date
            and g.item = d.call_id || ' ' || d.evidence
    where
        coalesce(g.known_at, 'infinity') > a.known_until
        and not exists (
            select from ledger.acceptances as x
            where
                x.source = d.source
                and x.account = d.account
                and x.usage_date = d.usage_date
                and x.doubt = d.doubt
                and x.subject = d.call_id
                and x.evidence = d.evidence
        )
)

select
    tenant_id,
    period_start,
    service_start,
    source,
    doubt,
    unit,
    count(*) as calls,
    min(usage_date) as first_date,
    max(usage_date) as last_date,
    (array_agg(call_id order by usage_date, call_id))[1] as call_id,
    (array_agg(charged order by usage_date, call_id))[1] as charged,
    (array_agg(counted order by usage_date, call_id))[1] as counted,
    sum(charged) as charged_in_all,
    bool_and(is_repeated) as is_repeated
from standing
group by tenant_id, period_start, service_start, source, doubt, unit
order by service_start, source, doubt;

-- name: standing
-- One row per call of a tenant's days that contradicts itself and that nobody accepted.
select
    d.source,
    d.usage_date,
    d.call_id,
    d.doubt,
    d.charged,
    d.counted,
    d.unit,
    d.account,
    d.evidence
from marts.fct_call_doubts as d
where
    d.tenant_id = %(tenant_id)s
    and d.usage_date >= %(first_day)s
    and d.usage_date <= %(last_day)s
    and not exists (
        select from ledger.acceptances as x
        where
            x.source = d.source
            and x.account = d.account
            and x.usage_date = d.usage_date
            and x.doubt = d.doubt
            and x.subject = d.call_id
            and x.evidence = d.evidence
    )
order by d.usage_date, d.call_id, d.doubt;

-- name: accept
insert into ledger.acceptances (source, account, tenant_id, usage_date, doubt, subject, evidence, reason)
values (
    %(source)s, %(account)s, %(tenant_id)s, %(usage_date)s, %(doubt)s, %(call_id)s, %(evidence)s, %(reason)s
);
