{{ config(
    indexes=[
        {'columns': ['account', 'usage_date', 'call_id', 'source'], 'unique': true},
        {'columns': ['tenant_id', 'usage_date', 'call_id']},
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
    where {{ in_changed_pulls('results.pull_id') }} and results.turns is not null
),

texts as (
    select
        calls.tenant_id,
        calls.call_id,
        calls.source,
        calls.account,
        calls.usage_date,
        said.turns
    from calls
    inner join said
        on
            calls.source = said.source
            and calls.account = said.account
            and calls.usage_date = said.usage_date
            and calls.call_id = said.call_id
)

select * from texts
