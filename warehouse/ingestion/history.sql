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

-- name: changed_fields
-- Calls by what money and routing depend on, transcripts by when and how long they were; nothing that was said. Numbers are
-- compared as numbers. The two pulls are of one source.
with told as (
    select
        c.pull_id,
        c.call_id as item,
        jsonb_strip_nulls(
            jsonb_build_object(
                'status', c.status,
                'type', c.call_type,
                'created at', c.created_at,
                'started at', c.started_at,
                'ended at', c.ended_at,
                'seconds', trim_scale(extract(epoch from c.ended_at - c.started_at)),
                'ended reason', c.ended_reason,
                'phone number id', c.phone_number_id,
                'assistant id', c.assistant_id,
                'cost', c.payload -> 'cost'
            )
        )
        || coalesce(
            (
                select jsonb_object_agg('cost of ' || parts.component, parts.cost)
                from (
                    select
                        part ->> 'type' as component,
                        sum((part ->> 'cost')::numeric) as cost
                    from json_array_elements(
                        case json_typeof(c.payload -> 'costs') when 'array' then c.payload -> 'costs' end
                    ) as part
                    group by part ->> 'type'
                ) as parts
                where parts.component is not null and parts.cost is not null
            ),
            '{}'
        ) as fields
    from raw_vapi.calls as c
    where c.pull_id in (%(before)s, %(after)s)
    union all
    select
        t.pull_id,
        t.transcript_id as item,
        jsonb_strip_nulls(
            jsonb_build_object(
                'project', t.project_id,
                'environment', t.environment_id,
                'created at', t.created_at,
                'updated at', t.updated_at,
                'ended at', t.ended_at,
                'messages', t.message_count
            )
        ) as fields
    from raw_voiceflow.transcripts as t
    where t.pull_id in (%(before)s, %(after)s)
),

paired as (
    select
        coalesce(b.item, a.item) as item,
        case when b.item is null then 'added' when a.item is null then 'gone' else 'changed' end as change,
        coalesce(b.fields, '{}') as before,
        coalesce(a.fields, '{}') as after
    from (select item, fields from told where pull_id = %(before)s) as b
    full join (select item, fields from told where pull_id = %(after)s) as a on b.item = a.item
    where b.fields is distinct from a.fields
)

select
    p.item,
    p.change,
    f.field,
    p.before ->> f.field as before,
    p.after ->> f.field as after
from paired as p
cross join lateral jsonb_object_keys(p.before || p.after) as f (field)
where p.before -> f.field is distinct from p.after -> f.field
order by p.change, p.item, f.field;

-- name: changed_counts_of_voiceflow
-- Counts by what tells them apart; top intents are visitors' words, so only their number is told.
with told as (
    select
        u.pull_id,
        concat_ws(
            ' / ', u.project_id, u.environment_id, u.metric, to_char(u.period_at, 'HH24:MI'), u.usage_type,
            case
                when u.metric <> 'top_intents'
                    then (
                        select string_agg(part.key || ' ' || (part.value #>> '{}'), ', ' order by part.key)
                        from json_each(u.payload) as part
                        where
                            part.key in (
                                'diagramID', 'nodeID', 'model', 'functionID', 'apiToolID', 'documentID',
                                'integrationToolName', 'environmentID'
                            )
                            and json_typeof(part.value) = 'string' and part.value #>> '{}' <> ''
                    )
            end
        ) as item,
        u.quantity
    from raw_voiceflow.usage as u
    where u.pull_id in (%(before)s, %(after)s)
),

summed as (
    select
        item,
        sum(quantity) filter (where pull_id = %(before)s) as before,
        sum(quantity) filter (where pull_id = %(after)s) as after
    from told
    group by item
)

select
    item,
    case when before is null then 'added' when after is null then 'gone' else 'changed' end as change,
    'quantity' as field,
    before::text as before,
    after::text as after
from summed
where before is distinct from after
order by change, item;

-- name: changed_counts_of_usage_metrics
with told as (
    select
        m.pull_id,
        concat_ws(' / ', m.usage_agent_id, m.metric_type, m.recorded_at at time zone 'UTC') as item,
        m.quantity,
        (m.payload ->> 'cost_usd')::numeric as cost
    from raw_usage_metrics.metrics as m
    where m.pull_id in (%(before)s, %(after)s)
),

summed as (
    select
        item,
        count(*) filter (where pull_id = %(before)s) as rows_before,
        count(*) filter (where pull_id = %(after)s) as rows_after,
        sum(quantity) filter (where pull_id = %(before)s) as quantity_before,
        sum(quantity) filter (where pull_id = %(after)s) as quantity_after,
        sum(cost) filter (where pull_id = %(before)s) as cost_before,
        sum(cost) filter (where pull_id = %(after)s) as cost_after
    from told
    group by item
)

select
    s.item,
    case when s.rows_before = 0 then 'added' when s.rows_after = 0 then 'gone' else 'changed' end as change,
    f.field,
    f.before,
    f.after
from summed as s
cross join
    lateral (
        values
        ('rows', nullif(s.rows_before, 0)::text, nullif(s.rows_after, 0)::text),
        ('quantity', s.quantity_before::text, s.quantity_after::text),
        ('cost', trim_scale(s.cost_before)::text, trim_scale(s.cost_after)::text)
    ) as f (field, before, after)
where f.before is distinct from f.after
order by change, s.item, f.field;
