{% macro changed_pulls(source_name) -%}
    {#- The pulls of a source this build has to read: all current ones when the table is new, else those whose build key moved. -#}
    {%- set current = ref('stg_ledger__current_pulls') -%}
    {%- set changed = ref('int_pulls_changed') -%}
    select
        pull_id,
        account,
        tenant_id,
        usage_date
    from {% if is_incremental() %}{{ changed }}{% else %}{{ current }}{% endif %}
    where source = '{{ source_name }}' and pull_id is not null
{%- endmacro %}

{% macro in_changed_pulls(column) -%}
    {#-
        Whether a row is of one of those pulls, after `with pulls as (changed_pulls(…))`. A join with them is done only after a
        staging view has read all of raw (7 s of 1,000,000 calls for one day): an array is pushed into it and meets the index.
        When all is built, an array would be searched row by row, and a join is right.
    -#}
    {{ column }}
    {%- if is_incremental() %} = any(array(select pulls.pull_id from pulls)){% else %} in (select pulls.pull_id from pulls){% endif %}
{%- endmacro %}

{% macro delete_changed_days(source_name) -%}
    {#- Before the insert and in its transaction; by account-day and not by key, so that a day that became empty becomes empty. -#}
    {%- if is_incremental() -%}
    delete from {{ this }} as built
    using {{ ref('int_pulls_changed') }} as changed
    where
        changed.source = '{{ source_name }}'
        and built.account = changed.account
        and built.usage_date = changed.usage_date
    {%- endif -%}
{%- endmacro %}

{% macro pulls_built() -%}
    {#- What the last build left, read before it is built again: a ref would be a circle. None when there is nothing to compare with. -#}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(adapter.get_relation(database=target.database, schema='marts', identifier='fct_pulls_built')) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro forget_changed_pulls() -%}
    {#- Forgotten before they are built again: a build that dies half-way leaves them missing, and the next one redoes them. -#}
    {%- set built = pulls_built() -%}
    {%- if built is not none -%}
    delete from {{ built }} as built
    using {{ this }} as changed
    where
        built.source = changed.source
        and built.account = changed.account
        and built.usage_date = changed.usage_date
    {%- endif -%}
{%- endmacro %}

{% macro delete_built_pulls() -%}
    {%- if is_incremental() -%}
    delete from {{ this }} as built
    using {{ ref('int_pulls_changed') }} as changed
    where
        built.source = changed.source
        and built.account = changed.account
        and built.usage_date = changed.usage_date
    {%- endif -%}
{%- endmacro %}
