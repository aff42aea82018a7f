-- name: write_control
-- A tenant of the past, so that nobody is billed for it: active from Feb 20 to Mar 14, 2024, with anchor day 15.
with meters as (
    insert into control.meters (
        meter_id, name, unit, source, increment_seconds, minimum_seconds, item, only_account
    )
    values
    ('canary_half_minutes', 'Canary: started half minutes', 'half minute', 'vapi', 30, 0, null, 'canary'),
    ('canary_scans', 'Canary: scans', 'scan', 'usage_metrics', null, null, 'canary_scan', null)
    on conflict do nothing
    returning meter_id
),

plans as (
    insert into control.plans (plan_id, name, currency) values ('canary', 'Canary', 'USD')
    on conflict do nothing
    returning plan_id
),

terms as (
    insert into control.plan_terms (
        plan_id, valid_from, subscription_fee, setup_fee, minimum_amount, prorates_allowance, voice_meter_id
    )
    values ('canary', '2024-01-01', 290, 500, 300, true, 'canary_half_minutes')
    on conflict do nothing
    returning plan_id
),

allowances as (
    insert into control.allowances (plan_id, meter_id, valid_from, quantity)
    values ('canary', 'canary_scans', '2024-01-01', 31)
    on conflict do nothing
    returning plan_id
),

prices as (
    insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount, tiers)
    values
    ('canary', 'canary_half_minutes', '2024-01-01', 'per_unit', 0.0045, null),
    (
        'canary', 'canary_scans', '2024-01-01', 'graduated', null,
        '[{"up_to": 2, "unit_amount": "0.105"}, {"up_to": null, "unit_amount": "0.06375"}]'
    )
    on conflict do nothing
    returning price_id
),

tenants as (
    insert into control.tenants (tenant_id, name, currency, anchor_day, is_canary)
    values ('canary', 'Canary, whose bill is known', 'USD', 15, true)
    on conflict do nothing
    returning tenant_id
),

statuses as (
    insert into control.tenant_statuses (tenant_id, valid_from, status)
    values ('canary', '2024-02-20', 'active'), ('canary', '2024-03-15', 'closed')
    on conflict do nothing
    returning tenant_id
),

chosen as (
    insert into control.tenant_plans (tenant_id, valid_from, plan_id) values ('canary', '2024-01-01', 'canary')
    on conflict do nothing
    returning tenant_id
),

agents as (
    insert into control.agents (agent_id, tenant_id, name) values ('canary', 'canary', 'Canary')
    on conflict do nothing
    returning agent_id
),

attachments as (
    insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id)
    values ('usage_agent', 'minutebook-canary', '2024-02-20', 'canary', 'canary')
    on conflict do nothing
    returning kind
)

-- Credits have no key of their own: this one is written with the tenant.
insert into control.credits (tenant_id, amount, valid_from, expires_on, reason)
select
    tenant_id,
    100,
    '2024-02-01',
    '2024-03-01',
    'canary: a promotion that expires within the period'
from tenants;

-- name: write_pulls
-- What its providers "told", as published pulls of its own account: every day of its life, most of them empty.
with attempt as (
    insert into ledger.attempts (trigger)
    select 'cli' where not exists (select 1 from ledger.pulls where account = 'canary')
    returning attempt_id
),

days as (
    select day::date as usage_date from generate_series('2024-02-20'::timestamp, '2024-03-14', '1 day') as listed (day)
),

calls (usage_date, call_id, created_at, started_at, ended_at) as (
    values
    ('2024-02-21'::date, 'canary-1', '2024-02-21T10:00:00Z'::timestamptz, '2024-02-21T10:00:05Z'::timestamptz,
        '2024-02-21T10:01:06Z'::timestamptz),
    ('2024-02-29', 'canary-2', '2024-02-29T23:59:59.999Z', '2024-03-01T00:00:04Z', '2024-03-01T00:00:34.001Z'),
    ('2024-03-02', 'canary-3', '2024-03-02T09:00:00Z', '2024-03-02T09:00:09Z', '2024-03-02T09:00:09Z'),
    ('2024-03-03', 'canary-4', '2024-03-03T09:00:00Z', null, null)
),

scans (usage_date, quantity) as (
    values ('2024-02-20'::date, 20::bigint), ('2024-03-01', 12)
),

pulls as (
    insert into ledger.pulls (
        attempt_id, source, account, tenant_id, usage_date, state, row_count, content_hash, closed_at
    )
    select
        a.attempt_id,
        s.source,
        'canary',
        'canary',
        d.usage_date,
        'published',
        case s.source
            when 'vapi' then (select count(*) from calls as c where c.usage_date = d.usage_date)
            else (select count(*) from scans as n where n.usage_date = d.usage_date)
        end,
        'canary',
        clock_timestamp()
    from attempt as a
    cross join days as d
    cross join (values ('vapi'), ('usage_metrics')) as s (source)
    returning pull_id, source, usage_date
),

landed_calls as (
    insert into raw_vapi.calls (
        account, tenant_id, usage_date, pull_id, call_id, created_at, updated_at, started_at, ended_at, status, payload
    )
    select
        'canary',
        'canary',
        c.usage_date,
        p.pull_id,
        c.call_id,
        c.created_at,
        c.created_at,
        c.started_at,
        c.ended_at,
        'ended',
        '{"costs": [{"type": "vapi", "cost": 0.05}]}'
    from calls as c
    inner join pulls as p on c.usage_date = p.usage_date and p.source = 'vapi'
    returning call_id
)

insert into raw_usage_metrics.metrics (
    account, tenant_id, usage_date, pull_id, usage_agent_id, metric_type, quantity, recorded_at, payload
)
select
    'canary',
    'canary',
    n.usage_date,
    p.pull_id,
    'minutebook-canary',
    'canary_scan',
    n.quantity,
    n.usage_date + interval '12 hours',
    '{"cost_usd": 0.01}'
from scans as n
inner join pulls as p on n.usage_date = p.usage_date and p.source = 'usage_metrics';

-- name: state
-- is_foreign: somebody's own tenant is called so, and the canary cannot be installed beside it.
select
    exists (select 1 from control.tenants as t where t.is_canary) as is_installed,
    exists (select 1 from control.tenants as t where t.tenant_id = 'canary' and not t.is_canary) as is_foreign,
    to_regclass('marts.fct_canary_lines') is not null as is_built;

-- name: any_line
select line_id from marts.fct_canary_lines
limit 1;

-- name: differences
-- Worked out by hand. 24 of 29 days: 290 → 240.00, minimum 300 → 248.28, allowance 31 → 26. 61 s, 30.001 s, 0 s and a
-- call that never connected: 3 + 2 half minutes, 0.0225 → 0.02. 32 scans, 6 above 26: 0.21 + 0.255 → 0.47.
with known (line_kind, meter_id, quantity, amount) as (
    values
    ('setup', null, 1::bigint, 500.00),
    ('subscription', null, 1, 240.00),
    ('overage', 'canary_half_minutes', 5, 0.02),
    ('overage', 'canary_scans', 6, 0.47),
    ('minimum', null, 1, 7.79),
    ('credit', null, null, -100.00)
),

computed as (
    select
        line_kind,
        meter_id,
        quantity,
        amount
    from marts.fct_canary_lines
)

select
    coalesce(k.line_kind, c.line_kind) as line_kind,
    coalesce(k.meter_id, c.meter_id) as meter_id,
    k.quantity as known_quantity,
    c.quantity as computed_quantity,
    k.amount as known_amount,
    c.amount as computed_amount
from known as k
full join computed as c on k.line_kind = c.line_kind and coalesce(k.meter_id, '') = coalesce(c.meter_id, '')
where k.amount is distinct from c.amount or k.quantity is distinct from c.quantity
order by 1, 2;
