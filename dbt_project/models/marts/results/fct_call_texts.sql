{{ config(
    indexes=[
        {'columns': ['account', 'usage_date', 'call_id', 'source'], 'unique': true},
        {'columns': ['tenant_id', 'usage_date', 'created_at', 'call_id']},
        {'columns': ['usage_date', 'created_at']},
        {'columns': ['words'], 'type': 'gin'},
    ]
) }}
with pulls as (
    {{ changed_results() }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
    where calls.tenant_id is not null
),

said as (
    select results.*
    from {{ ref('stg_contracts__call_results') }} as results
    where {{ in_changed_pulls('results.pull_id') }} and coalesce(results.summary, results.turns::text) is not null
),

languages as (
    select
        tenant_id,
        language
    from {{ ref('stg_control__result_rules') }}
    where language is not null
),

texts as (
    select
        calls.tenant_id,
        calls.call_id,
        calls.source,
        calls.account,
        calls.usage_date,
        calls.agent_id,
        calls.outcome,
        calls.end_group,
        calls.campaign_id,
        said.customer,
        calls.connected_seconds,
        calls.cost,
        calls.created_at,
        said.turns,
        coalesce(languages.language, 'simple') as language,
        -- Each word twice, once as the tenant's own: a search in one tenant reads no other's. A vector holds 1 MB.
        marts.words_of(
            calls.tenant_id,
            to_tsvector(
                coalesce(languages.language, 'simple')::regconfig,
                left(concat_ws(' ', said.summary, spoken.words), 80000)
            )
        ) as words
    from calls
    inner join said
        on
            calls.source = said.source
            and calls.account = said.account
            and calls.usage_date = said.usage_date
            and calls.call_id = said.call_id
    left join languages on calls.tenant_id = languages.tenant_id
    cross join
        lateral (
            select string_agg(turn.said ->> 'text', ' ' order by turn.place) as words
            from jsonb_array_elements(said.turns) with ordinality as turn (said, place)
        ) as spoken
)

select * from texts
