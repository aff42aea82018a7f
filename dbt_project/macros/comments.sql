{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {#-
        The documentation as comments of the table and its columns, in one statement where dbt has three, and of a table that has none:
        what is made again in place keeps them, and other words are other models, which make every table from scratch.
    -#}
    {%- if config.persist_relation_docs() and config.persist_column_docs() -%}
    {%- call statement('persist_docs') -%}
    do $docs$
    begin
        if obj_description('{{ relation }}'::regclass, 'pg_class') is null then
            comment on table {{ relation }} is {{ postgres_escape_comment(model.description | trim) }};
            {%- for column in model.columns.values() %}
            comment on column {{ relation }}.{{ adapter.quote(column.name) }} is
            {{ postgres_escape_comment(column.description | trim) }};
            {%- endfor %}
        end if;
    end
    $docs$
    {%- endcall -%}
    {%- endif -%}
{%- endmacro %}
