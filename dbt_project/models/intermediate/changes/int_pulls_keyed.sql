{{ config(materialized='view') }}
-- What the rows of an account-day are built from: the pull, who its calls are routed to that day, and how calls are
-- counted. A version of an attachment adds its hash on its first day and takes it away on the day it ends, so the
-- running sum stands for everything in force on a day, and a change touches the days it changes and no other.
with pulls as (
    select * from {{ ref('stg_ledger__current_pulls') }}
),

attachments as (
    select
        sources.source,
        attached.tenant_id,
        attached.valid_from,
        attached.valid_to,
        hashtextextended(
            concat_ws('|', attached.kind, attached.value, attached.tenant_id, attached.agent_id), 0
        )::numeric as version_hash
    from {{ ref('stg_control__agent_attachments') }} as attached
    inner join {{ ref('stg_control__sources') }} as sources
        on sources.contract in ('calls', 'costs') and jsonb_exists(sources.scope_kinds, attached.kind)
    where attached.tenant_id is not null
),

moves as (
    select
        attachments.source,
        accounts.account,
        steps.moved_on,
        steps.version_hash
    from attachments
    cross join lateral (values ('platform'), (attachments.tenant_id)) as accounts (account)
    cross join
        lateral (
            values (attachments.valid_from, attachments.version_hash), (attachments.valid_to, -attachments.version_hash)
        ) as steps (moved_on, version_hash)
    where steps.moved_on < 'infinity'
),

routings as (
    select
        source,
        account,
        moved_on as valid_from,
        coalesce(lead(moved_on) over (partition by source, account order by moved_on), 'infinity')::date as valid_to,
        sum(sum(version_hash)) over (partition by source, account order by moved_on) as routing
    from moves
    group by source, account, moved_on
),

voice_meters as (
    select
        source,
        string_agg(concat_ws(':', meter_id, increment_seconds, minimum_seconds), ',' order by meter_id) as counting
    from {{ ref('stg_control__meters') }}
    where increment_seconds is not null and only_account is null
    group by source
),

-- What a person accepted of a day's calls is part of what they are built from.
accepted as (
    select
        source,
        account,
        usage_date,
        md5(
            string_agg(concat_ws(':', doubt, subject, evidence, seconds), ',' order by acceptance_id)
        ) as accepted
    from {{ ref('stg_ledger__acceptances') }}
    where doubt in ('quarantined', 'costs_differ', 'billed_as_0')
    group by source, account, usage_date
),

keyed as (
    select
        pulls.pull_id,
        pulls.source,
        pulls.contract,
        pulls.account,
        pulls.tenant_id,
        pulls.usage_date,
        pulls.is_incomplete,
        pulls.row_count,
        pulls.pulled_at,
        md5(concat_ws(
            '|',
            pulls.pull_id,
            voice_meters.counting,
            case when pulls.contract in ('calls', 'costs') then coalesce(routings.routing, 0) end,
            accepted.accepted
        )) as build_key
    from pulls
    left join voice_meters on pulls.source = voice_meters.source
    left join routings
        on
            pulls.source = routings.source
            and pulls.account = routings.account
            and pulls.usage_date >= routings.valid_from
            and pulls.usage_date < routings.valid_to
    left join accepted
        on
            pulls.source = accepted.source
            and pulls.account = accepted.account
            and pulls.usage_date = accepted.usage_date
)

select * from keyed
