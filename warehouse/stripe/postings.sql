-- name: take_lock
select pg_catalog.pg_try_advisory_lock({lock_posting}, 0);

-- name: give_lock_back
select pg_catalog.pg_advisory_unlock({lock_posting}, 0);

-- name: due
-- Desired state against the postings ledger: rows to send again, and days whose value differs from what Stripe holds.
with billable as (
    select
        t.tenant_id,
        t.anchor_day,
        coalesce(t.stripe_customer_id, '') as stripe_customer_id,
        (
            select min(s.valid_from) from control.tenant_statuses as s
            where s.tenant_id = t.tenant_id and s.status = 'active'
        ) as first_active_day
    from control.tenants as t
    where
        t.feature_flags @> '{"stripe_posting": true}'
        and (%(tenant_ids)s::text [] is null or t.tenant_id = any(%(tenant_ids)s))
),

latest as (
    select
        tenant_id,
        meter_id,
        usage_date,
        max(version) as version,
        (array_agg(value order by version desc))[1] as value,
        (array_agg(state order by version desc))[1] as state,
        coalesce(max(version) filter (where state = 'lost'), 0)
        > coalesce(max(version) filter (where state = 'accepted'), 0) as is_lost,
        coalesce((array_agg(value order by version desc) filter (where state = 'accepted'))[1], 0) as held
    from ledger.postings
    where usage_date >= %(oldest_day)s
    group by tenant_id, meter_id, usage_date
),

wanted as (
    select tenant_id, meter_id, usage_date, overage_quantity, is_known_so_far
    from marts.fct_overages_daily
    where usage_date >= %(oldest_day)s
),

-- A day that was posted and is no longer in the mart has no overage any more.
joined as (
    select
        coalesce(w.tenant_id, l.tenant_id) as tenant_id,
        coalesce(w.meter_id, l.meter_id) as meter_id,
        coalesce(w.usage_date, l.usage_date) as usage_date,
        coalesce(w.overage_quantity, 0) as value,
        coalesce(w.is_known_so_far, true) as is_known_so_far,
        coalesce(l.version, 0) as version,
        coalesce(l.held, 0) as held,
        coalesce(l.is_lost, false) as is_lost,
        l.state,
        l.value as latest_value
    from wanted as w
    full join latest as l
        on w.tenant_id = l.tenant_id and w.meter_id = l.meter_id and w.usage_date = l.usage_date
),

changed as (
    select
        j.tenant_id,
        j.meter_id,
        j.usage_date,
        case when p.state in ('approved', 'closed') then j.latest_value else j.value end as value,
        j.version + 1 as version,
        j.held
    from joined as j
    inner join billable as b on j.tenant_id = b.tenant_id
    left join ledger.periods as p
        on j.tenant_id = p.tenant_id and j.usage_date >= p.period_start and j.usage_date < p.period_end
    where
        j.state is distinct from 'pending'
        -- What no meter takes is not offered to it again until another value is wanted.
        and (j.state = 'uncovered' and j.latest_value = j.value) is not true
        and case
            -- An approved period takes no new value, but what it was last told must be known to have arrived.
            when p.state in ('approved', 'closed') then j.is_lost and j.state <> 'uncovered'
            -- The day in progress is told as it stands, and overwritten until the night has read it whole.
            else
                j.is_known_so_far
                and (j.is_lost or j.value <> j.held)
                -- What was used before the first active day is not billed; a fall to zero may always be told.
                and (j.value = 0 or j.usage_date >= b.first_active_day)
        end
),

due as (
    select
        p.tenant_id,
        p.meter_id,
        p.usage_date,
        b.anchor_day,
        p.value,
        p.version,
        null::bigint as held,
        p.posting_id,
        p.identifier,
        p.stripe_customer_id,
        p.event_name,
        p.committed_at,
        ledger.is_of_another_account(p.stripe_account, p.is_live) as is_elsewhere
    from ledger.postings as p
    inner join billable as b on p.tenant_id = b.tenant_id
    where p.state = 'pending'
    union all
    select
        c.tenant_id,
        c.meter_id,
        c.usage_date,
        b.anchor_day,
        c.value,
        c.version,
        c.held,
        null,
        null,
        b.stripe_customer_id,
        coalesce(m.stripe_event_name, ''),
        null,
        false
    from changed as c
    inner join billable as b on c.tenant_id = b.tenant_id
    inner join control.meters as m on c.meter_id = m.meter_id
)

select
    tenant_id,
    meter_id,
    usage_date,
    -- Stripe's cycle turns at the anchor, also where a period of ours ends early.
    (
        date_trunc('month', usage_date - anchor_day + 1) + interval '1 month' + (anchor_day - 1) * interval '1 day'
    )::date as period_end,
    value,
    version,
    held,
    posting_id,
    identifier,
    stripe_customer_id,
    event_name,
    committed_at,
    is_elsewhere
from due
where (tenant_id, meter_id, usage_date) > (%(after_tenant)s, %(after_meter)s, %(after_day)s)
order by tenant_id, meter_id, usage_date
limit %(limit)s;

-- name: commit
insert into ledger.postings (
    tenant_id, meter_id, usage_date, version, value, stripe_customer_id, event_name, identifier, committed_at
)
select *
from unnest(
    %(tenant_id)s::text [],
    %(meter_id)s::text [],
    %(usage_date)s::date [],
    %(version)s::int [],
    %(value)s::numeric [],
    %(stripe_customer_id)s::text [],
    %(event_name)s::text [],
    %(identifier)s::text [],
    %(committed_at)s::timestamptz []
)
returning identifier, posting_id;

-- name: record
update ledger.postings as p
set
    state = r.state,
    cause_code = r.cause_code,
    cause = r.cause,
    posted_at = case when r.state = 'accepted' then %(now)s else p.posted_at end,
    resolved_at = %(now)s
from unnest(%(posting_id)s::bigint [], %(state)s::text [], %(cause_code)s::text [], %(cause)s::text [])
    as r (posting_id, state, cause_code, cause)
where p.posting_id = r.posting_id and p.state = 'pending';

-- name: withdraw
-- Stripe dropped it after it had answered (refused), or a person found it missing there (lost): what we hold counts as not sent.
update ledger.postings
set state = %(state)s, cause_code = %(cause_code)s, cause = %(cause)s, resolved_at = %(now)s
where identifier = any(%(identifiers)s) and state = 'accepted'
returning identifier;

-- name: newest_accepted
select distinct on (tenant_id, meter_id, usage_date) identifier
from ledger.postings
where tenant_id = %(tenant_id)s and meter_id = %(meter_id)s and usage_date = %(usage_date)s and state = 'accepted'
order by tenant_id, meter_id, usage_date, version desc;

-- name: elsewhere
-- Days that a meter still takes and that a customer, account or mode other than today's holds, if no final invoice is known
-- to have billed them.
with newest as (
    select distinct on (p.tenant_id, p.meter_id, p.usage_date)
        p.tenant_id,
        p.meter_id,
        p.usage_date,
        p.identifier,
        p.value,
        p.stripe_customer_id,
        p.is_live,
        ledger.is_of_another_account(p.stripe_account, p.is_live) as is_other_account
    from ledger.postings as p
    where p.state = 'accepted' and p.usage_date >= %(oldest_day)s
    order by p.tenant_id, p.meter_id, p.usage_date, p.version desc
)

select
    n.tenant_id,
    n.meter_id,
    n.usage_date,
    n.identifier,
    n.stripe_customer_id,
    n.is_other_account,
    n.is_other_account and n.is_live as is_other_live_account,
    (
        date_trunc('month', n.usage_date - t.anchor_day + 1) + interval '1 month'
        + (t.anchor_day - 1) * interval '1 day'
    )::date as period_end
from newest as n
inner join control.tenants as t on n.tenant_id = t.tenant_id
where
    n.value > 0
    and t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and (n.is_other_account or n.stripe_customer_id <> t.stripe_customer_id)
    and (%(tenant_ids)s::text [] is null or n.tenant_id = any(%(tenant_ids)s))
    and not exists (
        select from ledger.stripe_charges as c
        inner join ledger.periods as p on c.tenant_id = p.tenant_id and c.period_start = p.period_start
        where
            c.is_final and c.tenant_id = n.tenant_id and c.meter_id = n.meter_id
            and n.usage_date >= p.period_start and n.usage_date < p.period_end
    )
order by n.tenant_id, n.meter_id, n.usage_date;
