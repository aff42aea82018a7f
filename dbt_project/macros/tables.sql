{#
    dbt's own materializations ask the catalogue what a table's columns are, and render their own macros for it, a dozen times for
    each model: most of a build that has little to make. A table that stands is of these very models (else all are made from
    scratch, by dbt's own), so here its columns are compared with the new ones inside the server, and its comments are kept.
#}

{% macro standing_table() -%}
    {#- The table as the last build left it; none where it is to be made from scratch. -#}
    {%- set former = load_cached_relation(this) -%}
    {%- if former is none or not former.is_table or should_full_refresh() -%}
    {{ return(none) }}
    {%- endif -%}
    {#- What a build from scratch that was killed had put aside. -#}
    {{ drop_relation_if_exists(load_cached_relation(make_backup_relation(former, 'table'))) }}
    {{ return(former) }}
{%- endmacro %}

{% macro made_rows() -%}
    {#- The model's rows, in the order of columns that its contract has. -#}
    {{ get_select_subquery(sql) if config.get('contract').enforced else sql }}
{%- endmacro %}

{% macro refuse_other_columns(made, former) -%}
    {#- Names, types and order: what a contract holds when a table is new, held of each build after it. -#}
    do $columns$
    declare
        differs text;
    begin
        with columns as (
            select attrelid, attname, atttypid, row_number() over (partition by attrelid order by attnum) as place
            from pg_catalog.pg_attribute
            where attrelid in ('{{ made }}'::regclass, '{{ former }}'::regclass) and attnum > 0 and not attisdropped
        )
        select string_agg(format('%s %s', attname, atttypid::regtype), ', ') into differs
        from (
            select attname, atttypid, place from columns group by attname, atttypid, place having count(*) = 1
        ) as alone;
        if differs is not null then
            raise exception 'the columns of {{ former.identifier }} are not those it was made with: %', differs;
        end if;
    end
    $columns$;
{%- endmacro %}

{% macro refuse_two_rows_of_one(made) -%}
    {#- meta.one_row_per: no two rows agree in all these columns; a null (no agent, no tenant) is a value like any other. -#}
    {%- set columns = (model.config.meta or {}).get('one_row_per', []) | join(', ') -%}
    {%- if columns -%}
    do $rows$
    declare
        twice text;
    begin
        select concat_ws(', ', {{ columns }}) into twice
        from {{ made }}
        group by {{ columns }}
        having count(*) > 1
        limit 1;
        if found then
            raise exception '{{ this.identifier }} has more than one row of one ({{ columns }}): %', twice;
        end if;
    end
    $rows$;
    {%- endif -%}
{%- endmacro %}

{% macro made_from_scratch(made_by_dbt) -%}
    {#- What dbt's own materialization returned, once the rows of its table are looked at. -#}
    {%- set refused = refuse_two_rows_of_one(this) -%}
    {%- if refused -%}
    {%- call statement('one_row_per') -%}
    {{ refused }}
    {%- endcall -%}
    {%- endif -%}
    {{ return(made_by_dbt) }}
{%- endmacro %}

{% macro take_the_place_of(made, former) -%}
    {#- What was declared of the table that goes, and holds of the one that comes. -#}
    do $declared$
    declare
        declared text;
    begin
        for declared in
            select format('comment on column {{ made }}.%I is %L', attname, col_description(attrelid, attnum))
            from pg_catalog.pg_attribute
            where attrelid = '{{ former }}'::regclass and attnum > 0 and col_description(attrelid, attnum) is not null
            union all
            select format('comment on table {{ made }} is %L', obj_description('{{ former }}'::regclass, 'pg_class'))
            union all
            select format('alter table {{ made }} %s', string_agg(format('alter column %I set not null', attname), ', '))
            from pg_catalog.pg_attribute
            where attrelid = '{{ former }}'::regclass and attnum > 0 and not attisdropped and attnotnull
            having count(*) > 0
        loop
            execute declared;
        end loop;
    end
    $declared$;
    {{ wait_for_readers(former) }};
    drop table {{ former }} cascade;
    alter table {{ made }} rename to {{ adapter.quote(former.identifier) }};
{%- endmacro %}

{%- materialization table, adapter='postgres' -%}
    {%- set former = standing_table() -%}
    {%- if former is none -%}
    {{ return(made_from_scratch(materialization_table_default())) }}
    {%- endif -%}
    {%- set made = make_intermediate_relation(former) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
    create table {{ made }} as (
        {{ made_rows() }}
    );
    {%- endcall -%}
    {%- do create_indexes(made) -%}
    {%- call statement('swap') -%}
    {{ refuse_other_columns(made, former) }}
    {{ refuse_two_rows_of_one(made) }}
    {{ take_the_place_of(made, former) }}
    {%- endcall -%}
    {%- do adapter.cache_dropped(former) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [former]}) }}
{%- endmaterialization -%}

{%- materialization incremental, adapter='postgres' -%}
    {%- set former = standing_table() -%}
    {%- if former is none -%}
    {{ return(made_from_scratch(materialization_incremental_default())) }}
    {%- endif -%}
    {%- set made = make_temp_relation(former) -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy')) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
    create temporary table {{ made }} on commit drop as (
        {{ made_rows() }}
    );
    {{ refuse_other_columns(made, former) }}
    {{ refuse_two_rows_of_one(made) }}
    {{ strategy({'target_relation': former, 'temp_relation': made}) }};
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [former]}) }}
{%- endmaterialization -%}

{% macro postgres__get_incremental_append_sql(arguments) -%}
    {#- Column by column as they stand: they were compared. -#}
    insert into {{ arguments.target_relation }}
    select * from {{ arguments.temp_relation }}
{%- endmacro %}
