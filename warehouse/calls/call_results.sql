-- name: result
-- What came of a call; the same id in two accounts of a day is one row or the other.
select
    r.customer,
    r.transfer_to,
    r.summary,
    r.evaluation,
    r.evaluation_state,
    r.rating,
    r.sentiment,
    coalesce(r.categories, '[]')::text as categories,
    coalesce(r.outputs, '{}')::text as outputs,
    r.turns,
    r.has_recording,
    r.consent
from marts.fct_call_results as r
where
    r.tenant_id = %(tenant_id)s
    and r.usage_date = %(usage_date)s
    and r.source = %(source)s
    and r.call_id = %(call_id)s
limit 1;

-- name: turns
select t.turns::text as turns
from marts.fct_call_texts as t
where
    t.tenant_id = %(tenant_id)s
    and t.usage_date = %(usage_date)s
    and t.source = %(source)s
    and t.call_id = %(call_id)s
    and t.turns is not null
limit 1;

-- name: account
-- In whose account a call is, the newest pull first.
select c.account
from marts.fct_calls as c
where
    c.tenant_id = %(tenant_id)s
    and c.usage_date = %(usage_date)s
    and c.source = %(source)s
    and c.call_id = %(call_id)s
order by c.pull_id desc
limit 1;

-- name: listen
select ledger.record_recording_use(%(tenant_id)s, %(source)s, %(call_id)s);

-- name: stored
select ledger.stored_call(%(tenant_id)s, %(source)s, %(usage_date)s, %(call_id)s)::text as payload;

-- name: campaigns
-- A tenant's latest campaigns.
select
    campaign_id,
    name
from marts.dim_campaigns
where tenant_id = %(tenant_id)s
order by last_usage_date desc, campaign_id
limit 200;
