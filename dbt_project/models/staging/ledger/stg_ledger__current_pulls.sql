{{ config(
    materialized='table',
    indexes=[{'columns': ['source', 'account', 'usage_date'], 'unique': true}],
    post_hook='{{ analyze() }}'
) }}
-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ ref('stg_ledger__pulls') }}
),

sources as (
    select * from {{ ref('stg_control__sources') }}
),

refreshed as (
    select
        confirms_pull_id as pull_id,
        max(pull_id) as results_pull_id
    from source
    where holds_results
    group by confirms_pull_id
),

current_ones as (
    select
        source.pull_id,
        coalesce(refreshed.results_pull_id, source.pull_id) as results_pull_id,
        source.source,
        sources.contract,
        source.account,
        source.tenant_id,
        source.usage_date,
        source.is_incomplete,
        source.is_in_progress,
        source.lacks_only_quarantined,
        source.row_count,
        source.pulled_at
    from source
    inner join sources on source.source = sources.source
    left join refreshed on source.pull_id = refreshed.pull_id
    where source.state = 'published'
)

select * from current_ones
