{% macro protect() -%}
    {#-
        Runs inside the transaction in which dbt swaps the new table in, so no reader ever meets it unprotected: until that
        transaction commits the table is invisible, and a new table is granted to nobody but its owner.
        meta.tenant_reads: whether a tenant may read its rows; meta.hidden_from_tenants: columns that are none of its business
        (what we pay); meta.staff_reads: the roles of staff that may read it, where not all of them may; a table without
        tenant_id has no row of a tenant and is for staff only. meta.is_searched: the functions that search it read it whole.
        The tenant comes from the login (control.reading_tenant), asked once per query: a sub-select is, a function per row is not.
    -#}
    {%- set meta = model.config.meta or {} -%}
    {%- set staff = meta.get('staff_reads', 'minutebook_loader, minutebook_billing, minutebook_operator, minutebook_analyst') -%}
    {%- set hidden = meta.get('hidden_from_tenants', []) -%}
    {%- set has_tenant = 'tenant_id' in model.columns -%}
    grant select on {{ this }} to {{ staff }}{{ ', minutebook_searcher' if meta.get('is_searched') }};
    {%- if has_tenant %}
    do $protect$
    begin
        if exists (
            select from pg_catalog.pg_class as c
            inner join pg_catalog.pg_policy as p on c.oid = p.polrelid and p.polname = 'rows_of_the_reader'
            where c.oid = '{{ this }}'::regclass and c.relforcerowsecurity
        ) then
            return;
        end if;
        alter table {{ this }} enable row level security;
        alter table {{ this }} force row level security;
        drop policy if exists processes on {{ this }};
        drop policy if exists own_rows on {{ this }};
        create policy processes on {{ this }} to minutebook_transformer, {{ staff }} using (true) with check (true);
        {%- if meta.get('is_searched') %}
        create policy searched on {{ this }} for select to minutebook_searcher using (true);
        {%- endif %}
        create policy rows_of_the_reader on {{ this }} for select to minutebook_tenant
        using (tenant_id = (select control.reading_tenant()));
    end
    $protect$;
    {%- if meta.get('tenant_reads', false) %}
    {%- if hidden %}
    grant select ({{ model.columns.keys() | reject('in', hidden) | join(', ') }}) on {{ this }} to minutebook_tenant;
    {%- else %}
    grant select on {{ this }} to minutebook_tenant;
    {%- endif %}
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{% macro refuse_open_models() -%}
    {#- Before anything is built: a model of the marts that would not be protected, or that opens itself, stops the build. -#}
    {%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.schema == 'marts' -%}
    {%- set hooks = node.config['post-hook'] | map(attribute='sql') | list -%}
    {%- if '{{ protect() }}' not in hooks -%}
    {{ exceptions.raise_compiler_error(
        "Model " ~ node.name ~ " is in schema marts without the post-hook protect(): move it to models/marts/, or give it that hook."
    ) }}
    {%- elif node.config.materialized not in ('table', 'incremental') -%}
    {{ exceptions.raise_compiler_error(
        "Model " ~ node.name ~ " is a " ~ node.config.materialized ~ " in schema marts, which no policy can protect: make it a table."
    ) }}
    {%- elif node.config.get('grants') -%}
    {{ exceptions.raise_compiler_error(
        "Model " ~ node.name ~ " has grants of its own; protect() grants, by meta.tenant_reads and meta.hidden_from_tenants."
    ) }}
    {%- elif hooks | length > 1 -%}
    {{ exceptions.raise_compiler_error(
        "Model " ~ node.name ~ " has a post-hook besides protect(), which could undo it: put what it does into the model."
    ) }}
    {%- endif -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.schema != 'marts' and node.config.get('grants') -%}
    {{ exceptions.raise_compiler_error("Model " ~ node.name ~ " has grants: only marts are granted to anybody.") }}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
