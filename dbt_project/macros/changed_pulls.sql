{% macro former_build(schema_name, table) -%}
    {#-
        What the last build left in one of its own tables, none where it left nothing. A source and no ref, which would be a circle;
        and asked for while executing only, so that the graph does not hold the circle either.
    -#}
    {{ return(load_relation(source('former_' ~ schema_name, table)) if execute else none) }}
{%- endmacro %}

{% macro left_as_built(schema_name, table) -%}
    {#- The same for comparing: none where all is to be made again. -#}
    {{ return(former_build(schema_name, table) if execute and not flags.FULL_REFRESH else none) }}
{%- endmacro %}

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
    where source = '{{ source_name }}' and pull_id is not null{{ ' and not is_only_joined' if is_incremental() }}
{%- endmacro %}

{% macro changed_pulls_of(contract, joined=false) -%}
    {#- The same of all sources of a contract. `joined`: also those whose rows did not change, but what they are joined with. -#}
    {%- set current = ref('stg_ledger__current_pulls') -%}
    {%- set changed = ref('int_pulls_changed') -%}
    select
        pull_id,
        source,
        account,
        tenant_id,
        usage_date
    from {% if is_incremental() %}{{ changed }}{% else %}{{ current }}{% endif %}
    where contract = '{{ contract }}' and pull_id is not null{{ ' and not is_only_joined' if is_incremental() and not joined }}
{%- endmacro %}

{% macro changed_results() -%}
    {#- The pulls of calls whose results this build has to read again: all when the table is new. -#}
    {%- set current = ref('stg_ledger__current_pulls') -%}
    {%- set changed = ref('int_pulls_changed') -%}
    select
        results_pull_id as pull_id,
        source,
        account,
        usage_date
    from {% if is_incremental() %}{{ changed }}{% else %}{{ current }}{% endif %}
    where contract = 'calls' and pull_id is not null{{ ' and are_results_changed' if is_incremental() }}
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

{% macro get_incremental_changed_days_sql(arguments) -%}
    {#-
        dbt's incremental strategy `changed_days`: what the changed account-days had goes, what they have now comes. By account-day
        and not by key, so that a day that became empty becomes empty. A table without a column `source` names the one it is of in
        meta.source. With meta.joined, so do account-days that only what they are joined with changed for; with meta.results, those
        of which anything else is said.
    -#}
    {%- set source_name = (model.config.meta or {}).source -%}
    {%- set joined = (model.config.meta or {}).get('joined', false) -%}
    {%- set results = (model.config.meta or {}).get('results', false) -%}
    delete from {{ arguments.target_relation }} as built
    using {{ ref('int_pulls_changed') }} as changed
    where
        changed.source = {{ "'" ~ source_name ~ "'" if source_name else 'built.source' }}
        and built.account = changed.account
        and built.usage_date = changed.usage_date
        {{- ' and changed.are_results_changed' if results else '' if joined else ' and not changed.is_only_joined' }};
    {{ get_incremental_append_sql(arguments) }}
{%- endmacro %}

{% macro forget_changed_pulls() -%}
    {#- Forgotten before they are built again: a build that dies half-way leaves them missing, and the next one redoes them. -#}
    {%- set built = former_build('marts', 'fct_pulls_built') -%}
    {%- if built is not none -%}
    delete from {{ built }} as built
    using {{ this }} as changed
    where
        built.source = changed.source
        and built.account = changed.account
        and built.usage_date = changed.usage_date
    {%- endif -%}
{%- endmacro %}
