{{ config(
    post_hook=['{{ forget_changed_pulls() }}', '{{ forget_tenants_of_changed_pulls() }}']
) }}
{%- set built = left_as_built('marts', 'fct_pulls_built') %}
with keyed as (
    select * from {{ ref('int_pulls_keyed') }}
),

built as (
    {% if built is not none -%}
        select
            source,
            account,
            tenant_id,
            usage_date,
            build_key,
            joined_key,
            results_key
        from {{ built }}
    {%- else -%}
        select
            source,
            account,
            tenant_id,
            usage_date,
            build_key,
            joined_key,
            results_key
        from keyed
        where false
    {%- endif %}
),

changed as (
    select
        keyed.pull_id,
        keyed.is_incomplete,
        keyed.row_count,
        keyed.pulled_at,
        keyed.build_key,
        keyed.joined_key,
        keyed.results_pull_id,
        keyed.results_key,
        coalesce(keyed.build_key = built.build_key, false) as is_only_joined,
        coalesce(keyed.build_key = built.build_key and keyed.joined_key = built.joined_key, false) as is_only_results,
        not coalesce(keyed.build_key = built.build_key and keyed.results_key = built.results_key, false)
            as are_results_changed,
        coalesce(keyed.source, built.source) as source,
        coalesce(keyed.account, built.account) as account,
        coalesce(keyed.tenant_id, built.tenant_id) as tenant_id,
        coalesce(keyed.usage_date, built.usage_date) as usage_date
    from keyed
    full join built
        on
            keyed.source = built.source
            and keyed.account = built.account
            and keyed.usage_date = built.usage_date
    where
        keyed.build_key is distinct from built.build_key
        or keyed.joined_key is distinct from built.joined_key
        or keyed.results_key is distinct from built.results_key
),

contracts as (
    select * from {{ ref('stg_control__sources') }}
)

select
    changed.*,
    contracts.contract
from changed
left join contracts on changed.source = contracts.source
