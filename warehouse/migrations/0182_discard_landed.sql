-- What landed of a batch that failed is taken back before it is landed again; rows of a pull that was published stay.
create function ledger.discard_landed(raw_table regclass, of_pulls bigint[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
    if not exists (
        select from pg_catalog.pg_class as c
        inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
        where c.oid = raw_table and n.nspname like 'raw\_%'
    ) then
        raise exception '% is no table of raw rows', raw_table using errcode = 'invalid_parameter_value';
    end if;
    execute pg_catalog.format(
        'delete from %s as landed using ledger.pulls as p'
        ' where landed.pull_id = p.pull_id and p.state = ''reading'' and p.pull_id = any($1)',
        raw_table
    ) using of_pulls;
end
$$;
comment on function ledger.discard_landed(regclass, bigint[]) is
'Deletes raw rows of pulls that are still being read; the loader has no other way to delete.';
revoke execute on function ledger.discard_landed(regclass, bigint[]) from public;
grant execute on function ledger.discard_landed(regclass, bigint[]) to minutebook_loader;
