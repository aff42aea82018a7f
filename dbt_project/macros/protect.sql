{% macro protect() -%}
    {#-
        Runs inside the transaction in which dbt swaps the new table in, so no reader ever meets it unprotected: until that
        transaction commits the table is invisible, and a new table is granted to nobody but its owner.
        meta.tenant_reads: whether a tenant may read its rows; meta.hidden_from_tenants: columns that are none of its business
        (what we pay); a table without tenant_id has no row of a tenant and is for staff only.
    -#}
    {%- set staff = 'minutebook_loader, minutebook_billing, minutebook_operator, minutebook_analyst' -%}
    {%- set meta = model.config.meta or {} -%}
    {%- set hidden = meta.get('hidden_from_tenants', []) -%}
    {%- set has_tenant = 'tenant_id' in model.columns -%}
    grant select on {{ this }} to {{ staff }};
    {%- if has_tenant %}
    do $protect$
    begin
        if exists (select from pg_catalog.pg_class where oid = '{{ this }}'::regclass and relforcerowsecurity) then
            return;
        end if;
        alter table {{ this }} enable row level security;
        alter table {{ this }} force row level security;
        create policy processes on {{ this }} to minutebook_transformer, {{ staff }} using (true) with check (true);
        create policy own_rows on {{ this }} for select to minutebook_tenant
        using (tenant_id = current_setting('minutebook.tenant_id', true));
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
