-- name: searched
-- Of the tenant whose rows this login reads.
select
    usage_date,
    source,
    call_id
from marts.search_calls(
    %(words)s, %(first_day)s, %(last_day)s, %(limit)s, %(agent_id)s, %(no_agent)s, %(outcome)s, %(end_group)s,
    %(campaign_id)s, %(at_least)s, %(at_most)s, %(after_day)s, %(after_created)s, %(after_id)s, %(after_source)s
);

-- name: searched_of
select
    usage_date,
    source,
    call_id
from marts.search_calls_of(
    %(tenant_id)s, %(words)s, %(first_day)s, %(last_day)s, %(limit)s, %(agent_id)s, %(no_agent)s, %(outcome)s,
    %(end_group)s, %(campaign_id)s, %(at_least)s, %(at_most)s, %(after_day)s, %(after_created)s, %(after_id)s,
    %(after_source)s
);
