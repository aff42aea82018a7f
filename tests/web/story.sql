-- name: tenants
insert into control.tenants (tenant_id, name, currency)
select tenant_id, name, 'USD' from story;
insert into control.tenant_statuses (tenant_id, valid_from, status)
select tenant_id, '2026-09-01', 'active' from story;
insert into marts.dim_tenants (tenant_id, name, status, currency, anchor_day, plan_id, activated_on)
select tenant_id, name, 'active', 'USD', 1, 'growth', '2026-09-01' from story;

-- name: usage
-- Whole minutes of voice and knowledge look-ups, quieter at weekends; each tenant louder or softer than the others.
insert into marts.fct_usage_daily (tenant_id, agent_id, meter_id, source, usage_date, quantity, unit, row_count, period_start, pull_ids)
select
    s.tenant_id,
    s.tenant_id || '-desk',
    m.meter_id,
    m.source,
    d::date,
    (m.base * (1 + s.number % 5) * case when extract(isodow from d) > 5 then 0.3 else 1 end
        * (0.7 + (hashtextextended(s.number::text || d::text, 7) % 100 + 100) / 330.0))::bigint,
    m.unit,
    12,
    date_trunc('month', d)::date,
    '{1}'
from story as s
cross join generate_series('2026-09-01'::timestamp, '2026-11-02', '1 day') as d
cross join (
    values ('voice_minutes', 'vapi', 'minute', 14.0), ('lookups', 'usage_metrics', 'lookup', 5.0)
) as m (meter_id, source, unit, base);

insert into marts.fct_overages_daily (
    tenant_id, meter_id, usage_date, period_start, unit, quantity, cumulative_quantity, allowance, overage_quantity, price_id,
    is_complete, is_known_so_far
)
select
    u.tenant_id, u.meter_id, u.usage_date, u.period_start, u.unit, u.quantity, u.cumulative, u.allowance,
    greatest(0, u.cumulative - u.allowance) - greatest(0, u.cumulative - u.quantity - u.allowance), 7, true, true
from (
    select
        *,
        sum(quantity) over (partition by tenant_id, meter_id, period_start order by usage_date) as cumulative,
        case meter_id when 'voice_minutes' then 600 else 200 end as allowance
    from marts.fct_usage_daily
) as u;

insert into marts.fct_statement_lines (
    line_id, tenant_id, period_start, period_end, period_state, line_kind, meter_id, quantity, unit, amount, unrounded_amount,
    currency, service_period_start, service_period_end, price_id, inputs
)
select
    tenant_id || '/' || period_start || '/overage/' || meter_id, tenant_id, period_start,
    (period_start + interval '1 month')::date, 'open', 'overage', meter_id, sum(overage_quantity), unit,
    round(sum(overage_quantity) * 0.115, 2), sum(overage_quantity) * 0.115, 'USD', period_start,
    (period_start + interval '1 month')::date, 7,
    jsonb_build_object(
        'price_id', 7, 'model', 'per_unit', 'allowance', max(allowance), 'quantity', sum(quantity),
        'tiers', jsonb_build_array(jsonb_build_object('tier', 1, 'quantity', sum(overage_quantity), 'unit_amount', 0.115)),
        'unrounded_amount', sum(overage_quantity) * 0.115
    )
from marts.fct_overages_daily
group by tenant_id, period_start, meter_id, unit
having sum(overage_quantity) > 0;
insert into marts.fct_statement_lines (
    line_id, tenant_id, period_start, period_end, period_state, line_kind, quantity, amount, unrounded_amount, currency,
    service_period_start, service_period_end, inputs
)
select
    s.tenant_id || '/' || d::date || '/subscription', s.tenant_id, d::date, (d + interval '1 month')::date, 'open',
    'subscription', 1, 249, 249, 'USD', d::date, (d + interval '1 month')::date,
    '{"subscription_fee": "249", "billed_days": 30, "period_days": 30}'
from story as s
cross join generate_series('2026-09-01'::timestamp, '2026-11-01', '1 month') as d;
insert into marts.fct_statement_lines (
    line_id, tenant_id, period_start, period_end, period_state, line_kind, meter_id, quantity, unit, amount, unrounded_amount,
    currency, service_period_start, service_period_end, corrects_line_id, price_id, inputs
)
select
    tenant_id || '/2026-10-01/adjustment/' || line_id, tenant_id, '2026-10-01', '2026-11-01', 'open', 'adjustment', meter_id,
    4, unit, 0.46, 0.46, 'USD', '2026-09-01', '2026-10-01', line_id, 7, '{"frozen_amount": 0.21, "adjusted_amount": 0, "rated_amount": 0.67}'
from marts.fct_statement_lines
where
    line_kind = 'overage' and period_start = '2026-09-01' and meter_id = 'voice_minutes'
    and tenant_id in (select tenant_id from story where number % 3 = 1);
update marts.fct_statement_lines set period_state = 'closed' where period_start = '2026-09-01';

insert into marts.fct_statements (
    tenant_id, period_start, period_end, currency, plan_id, setup, subscription, overage, minimum, adjustments, credits, total,
    period_state, is_complete
)
select
    tenant_id, period_start, period_end, 'USD', 'growth', 0,
    coalesce(sum(amount) filter (where line_kind = 'subscription'), 0),
    coalesce(sum(amount) filter (where line_kind = 'overage'), 0), 0,
    coalesce(sum(amount) filter (where line_kind = 'adjustment'), 0), 0,
    sum(amount), max(period_state), period_start < '2026-11-01'
from marts.fct_statement_lines
group by tenant_id, period_start, period_end;

-- name: costs
insert into marts.fct_costs_daily (tenant_id, agent_id, usage_date, source, component, basis, amount, currency, provider_amount, provider_currency)
select
    u.tenant_id, u.agent_id, u.usage_date, 'vapi', c.component,
    case when s.number % 9 = 0 and c.component = 'model' then 'estimated' else 'reported_by_voice' end,
    u.quantity * c.rate, 'USD', u.quantity * c.rate, 'USD'
from marts.fct_usage_daily as u
inner join story as s on u.tenant_id = s.tenant_id
cross join (values ('transcriber', 0.0102), ('model', 0.0071), ('voice', 0.0210), ('vapi', 0.0500)) as c (component, rate)
where u.meter_id = 'voice_minutes';
insert into marts.fct_costs_daily (tenant_id, usage_date, source, component, basis, amount, currency, provider_amount, provider_currency)
select s.tenant_id, d::date, 'fixed', 'platform', 'allocated', 0.83333333, 'USD', 0.83333333, 'USD'
from story as s
cross join generate_series('2026-09-01'::timestamp, '2026-11-02', '1 day') as d;
insert into marts.fct_margin_monthly (
    tenant_id, period_start, period_end, currency, period_state, revenue, cost, cost_reported, cost_estimated, cost_allocated,
    cost_billed_elsewhere, margin, margin_percent, completeness, is_complete
)
select
    s.tenant_id, s.period_start, s.period_end, 'USD', s.period_state, s.total, c.cost, c.reported, c.estimated, c.allocated, 0,
    s.total - c.cost, round((s.total - c.cost) * 100 / s.total, 2),
    case when c.estimated > 0 then 'with estimates' else 'complete' end, s.is_complete
from marts.fct_statements as s
inner join (
    select
        tenant_id,
        date_trunc('month', usage_date)::date as period_start,
        sum(amount) as cost,
        coalesce(sum(amount) filter (where basis = 'reported_by_voice'), 0) as reported,
        coalesce(sum(amount) filter (where basis = 'estimated'), 0) as estimated,
        coalesce(sum(amount) filter (where basis = 'allocated'), 0) as allocated
    from marts.fct_costs_daily
    group by 1, 2
) as c on s.tenant_id = c.tenant_id and s.period_start = c.period_start;

-- name: days
-- Every seventeenth tenant's key was rejected for three days, every eleventh had a call still talking, every thirteenth's
-- usage metrics were not pulled.
insert into marts.fct_tenant_day_status (tenant_id, usage_date, source, account, status, pull_id, cause_code, cause, pulled_at)
select
    s.tenant_id, d::date, x.source, case when x.source = 'vapi' and not r.is_rejected then 'platform' else s.tenant_id end,
    case
        when r.is_rejected then 'failed'
        when x.source = 'vapi' and s.number % 11 = 3 and d = '2026-10-20' then 'incomplete'
        when x.source = 'usage_metrics' and s.number % 13 = 5 and d = '2026-10-31' then 'not pulled'
        when extract(isodow from d) = 7 and x.source = 'usage_metrics' then 'no usage'
        else 'usage'
    end,
    case when not r.is_rejected then 1 end,
    case when r.is_rejected then 'credential_rejected' end,
    case when r.is_rejected then 'Vapi answered 401: the key was rejected' end,
    d + interval '27 hours'
from story as s
cross join generate_series('2026-09-01'::timestamp, '2026-11-02', '1 day') as d
cross join (values ('vapi'), ('usage_metrics')) as x (source)
cross join lateral (
    select x.source = 'vapi' and s.number % 17 = 4 and d >= '2026-10-29' and d < '2026-11-01' as is_rejected
) as r;
insert into marts.fct_unbilled_usage (tenant_id, agent_id, source, item, unit, usage_date, reason, is_blocking, quantity, cost, row_count)
select s.tenant_id, s.tenant_id || '-desk', 'usage_metrics', 'ocr_scans', 'scan', '2026-10-14', 'unpriced', true, 12, 0.9, 1
from story as s where s.number % 19 = 6;

-- name: calls
insert into marts.fct_calls (
    tenant_id, agent_id, call_id, source, account, pull_id, usage_date, outcome, status, direction, ended_reason, end_group, campaign_id, phone_number_id,
    assistant_id, scopes, connected_seconds, units, cost_basis, cost, costs, unknown_costs, covered_costs, cost_currency, created_at, started_at, ended_at
)
select
    s.tenant_id, s.tenant_id || '-desk', s.tenant_id || '-call-' || row_number() over (partition by s.tenant_id order by d, n),
    'vapi', 'platform', 1, d::date, 'connected', 'ended', 'inbound', 'customer-ended-call', 'customer hung up',
    case when n = 11 then 'campaign-' || s.number end, 'pn-1', 'as-1',
    jsonb_build_object('vapi_phone_number', 'pn-' || s.number, 'vapi_assistant', 'as-1'), 61.25,
    '{"voice_minutes": 2, "started_seconds": 62}', 'reported_by_voice', 0.1766, '{"voice": 0.05, "vapi": 0.1266}', '{}', '{}',
    'USD', d + n * interval '1 hour',
    d + n * interval '1 hour', d + n * interval '1 hour' + interval '61.25 s'
from story as s
cross join generate_series('2026-10-01'::timestamp, '2026-10-31', '1 day') as d
cross join generate_series(9, 11) as n
where s.number <= 8;

-- name: results
insert into marts.fct_call_results (
    tenant_id, agent_id, call_id, source, account, usage_date, customer, summary, evaluation, evaluation_state, is_success,
    rating, sentiment, categories, outputs, turns, has_recording, consent
)
select
    tenant_id, agent_id, call_id, source, account, usage_date, '+49 30 •••••67',
    'They asked when the practice opens, and booked a visit.', 'true', 'succeeded', true,
    4.5, 'positive', '["opening hours", "booking"]', '{"o-1": {"name": "Next visit", "result": {"day": "Monday"}}}', 3, true, 'verbal'
from marts.fct_calls
where extract(hour from created_at) <> 10;
insert into marts.fct_call_texts (
    tenant_id, call_id, source, account, usage_date, agent_id, outcome, end_group, campaign_id, customer, connected_seconds, cost,
    created_at, language, words, turns
)
select
    tenant_id, c.call_id, c.source, account, usage_date, c.agent_id, c.outcome, c.end_group, c.campaign_id, r.customer, c.connected_seconds,
    c.cost, c.created_at, 'simple',
    marts.words_of(tenant_id, to_tsvector('simple', 'They booked a visit. Good morning, how may I help? When do you'
    || ' open on Monday? At nine. Shall I book a visit? ' || translate(tenant_id, '-', '') || extract(day from usage_date))),
    '[{"speaker": "agent", "seconds": 0.5, "text": "Good morning, how may I help?"},
      {"speaker": "customer", "seconds": 4.25, "text": "When do you open on Monday?"},
      {"speaker": "agent", "seconds": 8, "text": "At nine. Shall I book a visit?"}]'
from marts.fct_call_results as r
inner join marts.fct_calls as c using (tenant_id, usage_date, source, account, call_id);

insert into marts.fct_call_outcomes_daily (
    tenant_id, agent_id, campaign_id, source, account, usage_date, calls, connected_calls, connected_seconds,
    customer_ended_calls, assistant_ended_calls, voicemail_calls, unanswered_calls, transferred_calls, failed_calls,
    judged_calls, successful_calls, unread_evaluations, unevaluated_calls, rated_calls, rating_sum, cost, cost_currency
)
select
    c.tenant_id, c.agent_id, c.campaign_id, c.source, c.account, c.usage_date, count(*), count(*), sum(c.connected_seconds),
    count(*), 0, 0, 0, 0, 0, count(r.is_success), count(*) filter (where r.is_success), 0, 0, count(r.rating), sum(r.rating),
    sum(c.cost), 'USD'
from marts.fct_calls as c
left join marts.fct_call_results as r using (tenant_id, usage_date, source, account, call_id)
group by 1, 2, 3, 4, 5, 6;

insert into marts.dim_campaigns (
    tenant_id, source, account, campaign_id, name, first_usage_date, last_usage_date, calls, connected_calls, provider_calls,
    provider_connected_calls, counted_at, count_state
)
select
    tenant_id, source, account, campaign_id, 'Recall of October', min(usage_date), max(usage_date), sum(calls), sum(connected_calls),
    sum(calls), sum(connected_calls), '2026-11-03 02:00+00', 'agrees'
from marts.fct_call_outcomes_daily
where campaign_id is not null
group by 1, 2, 3, 4;

-- name: lines
-- Where the days of overage lines are, and what of them is of calls.
insert into control.meters (meter_id, name, unit, source, increment_seconds, minimum_seconds)
values ('voice_minutes', 'Call minutes', 'minute', 'vapi', 60, 0);
insert into marts.dim_agents (agent_id, tenant_id, name)
select tenant_id || '-desk', tenant_id, 'Desk of ' || name from story;
insert into marts.fct_line_days (
    line_id, tenant_id, period_start, meter_id, source, usage_date, quantity, cumulative_quantity, allowance, overage_quantity,
    unit, amount, price_id, pull_ids
)
select
    l.line_id, o.tenant_id, o.period_start, o.meter_id, u.source, o.usage_date, o.quantity, o.cumulative_quantity, o.allowance,
    o.overage_quantity, o.unit, o.overage_quantity * 0.115, 7, '{1}'
from marts.fct_overages_daily as o
inner join marts.fct_statement_lines as l
    on o.tenant_id = l.tenant_id and o.period_start = l.period_start and o.meter_id = l.meter_id and l.line_kind = 'overage'
inner join marts.fct_usage_daily as u
    on o.tenant_id = u.tenant_id and o.usage_date = u.usage_date and o.meter_id = u.meter_id;
insert into marts.fct_line_parts (
    line_id, tenant_id, period_start, meter_id, source, usage_date, pull_id, agent_id, origin, quantity, row_count
)
select
    line_id, tenant_id, period_start, meter_id, source, usage_date, 1, tenant_id || '-desk',
    case when source <> 'vapi' then 'a-metric' end, quantity, 12
from marts.fct_line_days;

-- name: periods
insert into ledger.periods (tenant_id, period_start, period_end, state, changed_by, manifest_hash)
select tenant_id, '2026-09-01', '2026-10-01', 'closed', 'ana@finance.example', 'seal-' || tenant_id from story;
insert into marts.dim_build (control_revision, as_of)
select revision, '2026-11-03' from control.revision;

-- name: alerts
insert into ledger.alerts (rule, tenant_id, subject, level, title, fix, path, opened_at, changed_at, resolved_at)
select
    a.rule,
    s.tenant_id,
    a.subject,
    a.level,
    a.title,
    a.fix,
    a.path,
    '2026-11-02 06:00+00',
    '2026-11-02 06:00+00',
    a.resolved_at::timestamptz
from story as s
inner join (
    values
    (4, 'days_behind', 'vapi', 2, '31 days of vapi of delta-legal failed, 1 Oct 2026 to 31 Oct 2026: 401: Invalid Key. Hot tip, you may be using the private key instead of the public key.', 'minutebook credential set vapi --tenant delta-legal && minutebook pull --tenant delta-legal --source vapi --from 2026-10-01 --to 2026-10-31', '/days/delta-legal/2026-10-31', null),
    (5, 'quota_reached', '2026-11-01/minutes', 1, 'a tenant with <b>markup</b> has reached 80 % of its allowance of minutes: 80 of 100 minutes in the period from 1 Nov 2026 on', '', '/periods', null),
    (1, 'not_posted', '', 1, 'Stripe refused the overage of 2 days of acme-dental, 1 Oct 2026 to 2 Oct 2026: a_meter_with_a_name_that_goes_on_and_on_beyond_what_any_screen_has_room_for', 'docs/runbooks/stripe-differs.md', '/invoices', null),
    (1, 'key_expires', 'a1b2c3d4', 1, 'API key a1b2c3d4 of acme-dental expires at 9 Nov 2026, 12:00 UTC, and no other one replaces it', 'minutebook key create --tenant acme-dental --scope events', '/keys?q=acme-dental', null)
) as a (number, rule, subject, level, title, fix, path, resolved_at) on s.number = a.number;

-- name: automations
insert into ledger.automation_runs (
    tenant_id, automation, account, source, call_id, usage_date, version, state, due_at, attempts, question, fault, begun_at,
    ended_at
)
select
    s.tenant_id,
    a.automation,
    s.tenant_id,
    'vapi',
    s.tenant_id || '-call-88',
    '2026-10-30',
    a.version,
    a.state,
    a.due_at::timestamptz,
    a.attempts,
    a.question,
    a.fault,
    a.begun_at::timestamptz,
    a.ended_at::timestamptz
from story as s
inner join (
    values
    (1, 'follow-up', '2026-11', 'open', null, 0, 'May this go to <b>Ann</b>? “We have moved your appointment to Tuesday at nine, as you asked; please bring your old X-rays.”', null, '2026-11-02 06:00+00', null),
    (1, 'drip', '2026-11', 'open', '2099-11-05 09:00+00', 0, null, null, '2026-11-02 06:00+00', null),
    (2, 'follow-up', null, 'open', 'epoch', 0, null, null, null, null),
    (2, 'drip', '2026-11', 'open', '2026-11-02 08:30+00', 3, null, 'TimeoutError', '2026-11-02 06:00+00', null),
    (3, 'follow-up', '2026-10', 'failed', null, 5, null, 'its process could not begin', null, '2026-11-02 10:00+00'),
    (4, 'follow-up', '2026-11', 'done', null, 0, null, null, '2026-11-02 06:00+00', '2026-11-02 06:01+00')
) as a (number, automation, version, state, due_at, attempts, question, fault, begun_at, ended_at) on s.number = a.number;
