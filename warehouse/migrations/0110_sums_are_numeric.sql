-- Whole numbers stay whole, but a sum of them is numeric: one tenant's large counts overflowed a bigint, and no tenant was billed.
alter table ledger.statement_lines alter column quantity type numeric;
alter table ledger.line_days
alter column quantity type numeric,
alter column cumulative_quantity type numeric,
alter column allowance type numeric,
alter column overage_quantity type numeric;
alter table ledger.line_pulls alter column quantity type numeric;
alter table ledger.line_objects alter column quantity type numeric;
alter table ledger.postings alter column value type numeric;

-- Tables of the marts that are added to, and so keep the types they were made with.
do $$
declare
    quantities record;
begin
    for quantities in
        select a.attrelid::regclass as table_name, a.attname as column_name
        from pg_attribute as a
        inner join pg_class as c on a.attrelid = c.oid and c.relkind = 'r'
        where
            c.relnamespace = any(array['intermediate'::regnamespace, 'marts'::regnamespace])
            and a.atttypid = 'bigint'::regtype
            and (a.attname like '%quantity' or a.attname = 'allowance')
            and c.relname <> 'fct_usage_rows'
    loop
        execute format(
            'alter table %s alter column %I type numeric', quantities.table_name, quantities.column_name
        );
    end loop;
end
$$;

drop function control.rated_amount(text, numeric, bigint, jsonb, bigint);
create function control.rated_amount(
    price_model text, unit_amount numeric, package_size bigint, tiers jsonb, quantity numeric
) returns numeric language sql immutable parallel safe set search_path = '' as $$
    select case
        when quantity <= 0 then 0
        when price_model = 'per_unit' then quantity * unit_amount
        when price_model = 'package' then pg_catalog.ceil(quantity / package_size) * unit_amount
        else (
            select coalesce(sum(
                case
                    when price_model = 'graduated'
                        then
                            greatest(least(quantity, coalesce(tier.upper_bound, quantity)) - tier.lower_bound, 0)
                            * tier.unit_amount
                    when quantity > tier.lower_bound and quantity <= coalesce(tier.upper_bound, quantity)
                        then quantity * tier.unit_amount
                end
            ), 0)
            from (
                select
                    coalesce(pg_catalog.lag((item ->> 'up_to')::numeric) over (order by place), 0) as lower_bound,
                    (item ->> 'up_to')::numeric as upper_bound,
                    (item ->> 'unit_amount')::numeric as unit_amount
                from pg_catalog.jsonb_array_elements(tiers) with ordinality as listed (item, place)
            ) as tier
        )
    end
$$;

-- The comparison with Stripe is otherwise as it was.
do $$
declare
    definition text := pg_get_functiondef('ledger.reconciliation(date, text[])'::regprocedure);
    comment text := obj_description('ledger.reconciliation(date, text[])'::regprocedure);
begin
    drop function ledger.reconciliation(date, text[]);
    execute replace(replace(definition, 'ours bigint', 'ours numeric'), 'posted bigint', 'posted numeric');
    execute format('comment on function ledger.reconciliation(date, text[]) is %L', comment);
end
$$;
