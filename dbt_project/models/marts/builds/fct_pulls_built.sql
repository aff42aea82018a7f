{{ config(
    materialized='incremental',
    incremental_strategy='changed_days',
    indexes=[{'columns': ['source', 'account', 'usage_date'], 'unique': true}, {'columns': ['pull_id']}]
) }}
-- Last of all, so that a pull is in it only when every mart holds it:
-- depends_on: {{ ref('int_tenants_built') }}
with changed as (
    select * from {{ ref('int_pulls_changed') }}
    where pull_id is not null
),

built as (
    select
        pull_id,
        source,
        account,
        tenant_id,
        usage_date,
        is_incomplete,
        row_count,
        pulled_at,
        build_key,
        joined_key,
        results_key
    from changed
)

select * from built
