{{ config(materialized='view') }}
-- What the rows of an account-day are built from: the pull, who its rows are routed to that day, and how calls are
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
            concat_ws(
                '|', attached.kind, attached.value, attached.tenant_id, attached.agent_id, attached.environment
            ), 0
        )::numeric as version_hash
    from {{ ref('stg_control__scopes') }} as attached
    inner join {{ ref('stg_control__sources') }} as sources
        on sources.contract is not null and jsonb_exists(sources.scope_kinds, attached.kind)
    where attached.tenant_id is not null
),

coverage as (
    select
        covered.source,
        covered.cost_source,
        covered.cost_account,
        accounts.account,
        covered.valid_from,
        covered.valid_to,
        hashtextextended(
            concat_ws('|', covered.calls_key, covered.component, covered.cost_source, covered.cost_account), 0
        )::numeric as version_hash
    from {{ ref('stg_control__cost_coverage') }} as covered
    cross join lateral (values ('platform'), (covered.tenant_id)) as accounts (account)
    where accounts.account is not null
),

-- On whose bill components are is in force by day as attachments are, for the calls and for the bill.
versions as (
    select
        attachments.source,
        accounts.account,
        attachments.valid_from,
        attachments.valid_to,
        attachments.version_hash
    from attachments
    cross join lateral (values ('platform'), (attachments.tenant_id)) as accounts (account)
    union all
    select
        source,
        account,
        valid_from,
        valid_to,
        version_hash
    from coverage
    union all
    select
        cost_source as source,
        cost_account as account,
        valid_from,
        valid_to,
        version_hash
    from coverage
    where cost_source is not null
),

moves as (
    select
        versions.source,
        versions.account,
        steps.moved_on,
        steps.version_hash
    from versions
    cross join
        lateral (
            values (versions.valid_from, versions.version_hash), (versions.valid_to, -versions.version_hash)
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
    where item is null and only_account is null
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
    where doubt in ('quarantined', 'costs_differ')
    group by source, account, usage_date
),

-- Of whom calls are carried whose bill is read call by call; and what units cost that a bill counts without naming money.
carriers as (
    select string_agg(distinct sources.provider, ',' order by sources.provider) as carriers
    from pulls
    inner join {{ ref('stg_control__sources') }} as sources on pulls.source = sources.source and sources.details_calls
),

unit_costs as (
    select
        sources.source,
        md5(
            string_agg(
                concat_ws(':', costs.unit, costs.valid_from, costs.unit_cost, costs.currency), ','
                order by costs.unit, costs.valid_from
            )
        ) as unit_costs
    from {{ ref('stg_control__provider_unit_costs') }} as costs
    inner join {{ ref('stg_control__sources') }} as sources
        on costs.provider = sources.provider and sources.contract = 'costs'
    group by sources.source
),

-- By what results of calls are read: those of a tenant in its own account, and all in the platform's.
result_rules as (
    select
        accounts.account,
        md5(string_agg(rules.rule, ',' order by rules.rule)) as rules
    from {{ ref('stg_control__result_rules') }} as rules
    cross join lateral (values ('platform'), (rules.tenant_id)) as accounts (account)
    group by accounts.account
),

keyed as (
    select
        pulls.pull_id,
        pulls.results_pull_id,
        case
            when pulls.contract = 'calls' then md5(concat_ws('|', pulls.results_pull_id, result_rules.rules))
        end as results_key,
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
            case when pulls.contract is not null then coalesce(routings.routing, 0) end,
            accepted.accepted,
            case when pulls.contract = 'calls' then carriers.carriers end,
            unit_costs.unit_costs
        )) as build_key
    from pulls
    cross join carriers
    left join unit_costs on pulls.source = unit_costs.source
    left join result_rules on pulls.account = result_rules.account
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
),

-- Calls are joined with the details of bills from the day before to the day after, and details with each other; bills are
-- shared by the calls of their day. The sum of the hashes of keys stands for all that a pull is joined with.
hashed as (
    select
        keyed.*,
        coalesce(sources.details_calls, false) as details_calls,
        hashtextextended(keyed.build_key, 0)::numeric as key_hash
    from keyed
    inner join {{ ref('stg_control__sources') }} as sources on keyed.source = sources.source
    where keyed.contract in ('calls', 'costs')
),

around as (
    select
        accounts.account,
        hashed.usage_date + shifts.days as usage_date,
        coalesce(sum(hashed.key_hash * (shifts.days + 2)) filter (where hashed.details_calls), 0) as details_hash,
        sum(hashed.key_hash * (shifts.days + 2)) as all_hash
    from hashed
    cross join carriers
    cross join lateral (values ('*'), (hashed.account)) as accounts (account)
    cross join (values (-1), (0), (1)) as shifts (days)
    where hashed.details_calls or (hashed.contract = 'calls' and carriers.carriers is not null)
    group by accounts.account, hashed.usage_date + shifts.days
),

shared_by as (
    select
        coverage.cost_source as source,
        coverage.cost_account as account,
        hashed.usage_date,
        sum(hashed.key_hash) as key_hash
    from coverage
    inner join hashed
        on
            hashed.contract = 'calls'
            and coverage.source = hashed.source
            and coverage.account = hashed.account
            and hashed.usage_date >= coverage.valid_from
            and hashed.usage_date < coverage.valid_to
    where coverage.cost_source is not null
    group by coverage.cost_source, coverage.cost_account, hashed.usage_date
),

-- The platform's account is joined with every account, a tenant's with its own and the platform's.
joinable as (
    select
        hashed.pull_id,
        sum(case when hashed.contract = 'calls' then around.details_hash else around.all_hash end) as key_hash
    from hashed
    cross join
        lateral unnest(
            case when hashed.account = 'platform' then array['*'] else array['platform', hashed.account] end
        ) as accounts (account)
    inner join around on hashed.usage_date = around.usage_date and accounts.account = around.account
    where hashed.contract = 'calls' or hashed.details_calls
    group by hashed.pull_id
),

with_joined as (
    select
        keyed.*,
        md5(concat_ws('|', keyed.build_key, joinable.key_hash, shared_by.key_hash)) as joined_key
    from keyed
    left join joinable on keyed.pull_id = joinable.pull_id
    left join shared_by
        on
            keyed.source = shared_by.source
            and keyed.account = shared_by.account
            and keyed.usage_date = shared_by.usage_date
)

select * from with_joined
