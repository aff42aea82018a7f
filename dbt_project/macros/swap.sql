{% macro wait_for_readers(relation) -%}
    {#-
        A new table takes the old one's name under a lock that waits for whoever reads the old one, and all later readers wait
        behind it. So it is waited for a tenth of a second at a time: those behind go on after it, and a moment when nobody reads
        is met. After 20 s it is half a second, where readers overlap. Who still holds the table after a minute is
        ended (ledger.end_blockers), and after ten the build says who it was and gives up.
    -#}
    do $swap$
    declare
        bound constant text := current_setting('lock_timeout');
        begun constant timestamptz := clock_timestamp();
        patience constant interval := '{{ env_var("MINUTEBOOK_DBT_PATIENCE", "60 seconds") }}';
        tries int := 0;
        blocker text;
    begin
        loop
            tries := tries + 1;
            begin
                perform set_config(
                    'lock_timeout', case when clock_timestamp() > begun + interval '20 seconds' then '500ms' else '100ms' end, true
                );
                lock table {{ relation }} in access exclusive mode;
                perform set_config('lock_timeout', bound, true);
                return;
            exception when lock_not_available then
                if tries % 10 = 0 then
                    blocker := ledger.blockers('{{ relation }}'::regclass);
                    raise notice '{{ relation.identifier }} waits for %', blocker;
                    if clock_timestamp() > begun + patience then
                        perform ledger.end_blockers('{{ relation }}'::regclass, patience);
                    end if;
                    if clock_timestamp() > begun + interval '10 minutes' then
                        raise exception '{{ relation.identifier }} is held by %, who could not be ended', blocker;
                    end if;
                end if;
            end;
            perform pg_sleep(0.005);
        end loop;
    end
    $swap$
{%- endmacro %}

{% macro postgres__rename_relation(from_relation, to_relation) -%}
    {%- if from_relation.type == 'table' -%}
    {%- call statement('wait_for_readers') -%}
    {{ wait_for_readers(from_relation) }}
    {%- endcall -%}
    {%- endif -%}
    {%- set name = adapter.quote_as_configured(to_relation.identifier, 'identifier') -%}
    {%- call statement('rename_relation') -%}
    alter table {{ from_relation }} rename to {{ name }}
    {%- endcall -%}
{%- endmacro %}
