-- A statement that changes no row, such as an idempotent command repeated, is no change of control data: counting it
-- made every repetition a reason to build the marts anew. Counted by row instead; that a secret was verified concerns
-- no mart.
do $$
declare
    counted record;
begin
    for counted in
        select
            t.tgrelid::regclass as relation,
            case when t.tgrelid = 'control.credentials'::regclass then 'update of used_from, retired_at' else 'update' end
                as change
        from pg_catalog.pg_trigger as t
        where t.tgname = 'advance_revision' and not t.tgisinternal
    loop
        execute format('drop trigger advance_revision on %s', counted.relation);
        execute format(
            'create trigger advance_revision after insert or delete or %s on %s '
            'for each row execute function control.advance_revision()', counted.change, counted.relation
        );
    end loop;
end
$$;
