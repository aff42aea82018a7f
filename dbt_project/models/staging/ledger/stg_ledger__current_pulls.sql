{{ config(
    materialized='table',
    indexes=[{'columns': ['source', 'account', 'usage_date'], 'unique': true}],
    post_hook='{{ analyze() }}'
) }}
-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ ref('stg_ledger__pulls') }}
),

current_ones as (
    select
        pull_id,
        source,
        account,
        tenant_id,
        usage_date,
        is_incomplete,
        lacks_only_quarantined,
        row_count,
        pulled_at
    from source
    where state = 'published'
)

select * from current_ones
