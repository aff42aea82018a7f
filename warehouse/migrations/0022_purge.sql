-- Raw is append only, so what was restated stays until it is purged: rows of superseded pulls, and what failed and unchanged
-- pulls landed. Not what is current, and not what was current when a line was frozen: that is how a bill of then is explained.
alter table ledger.pulls add column purged_at timestamptz;
comment on column ledger.pulls.purged_at is
'When its raw rows were deleted. Only pulls that nobody reads are purged; what they counted stays here.';
create index pulls_to_purge on ledger.pulls (source, closed_at)
where state in ('superseded', 'failed', 'unchanged') and purged_at is null;
create index pulls_by_usage_date on ledger.pulls (usage_date);

create function ledger.explains_a_frozen_line(of_pull ledger.pulls) returns boolean
language sql stable set search_path = '' as $$
    select exists (
        select from ledger.statement_lines as l
        where
            (of_pull.tenant_id is null or of_pull.tenant_id = l.tenant_id)
            and of_pull.usage_date >= l.service_period_start
            and of_pull.usage_date < l.service_period_end
            and of_pull.closed_at <= l.frozen_at
            and not exists (
                select from ledger.pulls as later
                where
                    later.source = of_pull.source
                    and later.account = of_pull.account
                    and later.usage_date = of_pull.usage_date
                    and later.state in ('published', 'superseded')
                    and later.pull_id > of_pull.pull_id
                    and later.closed_at <= l.frozen_at
            )
    )
$$;
comment on function ledger.explains_a_frozen_line is
'Whether a superseded pull was current when a line about its usage date was frozen.';

create view ledger.unread_pulls with (security_invoker = true) as
select
    p.pull_id,
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    p.state,
    p.closed_at,
    p.state = 'superseded' and ledger.explains_a_frozen_line(p) as is_needed
from ledger.pulls as p
where p.state in ('superseded', 'failed', 'unchanged') and p.purged_at is null;
comment on view ledger.unread_pulls is 'Pulls whose raw rows nobody reads; is_needed: kept, because a frozen line is explained by it.';

-- The only way to delete what was published: whoever calls it cannot name a row, only an age and a number.
create policy owner on ledger.pulls to current_user using (true) with check (true);
create policy owner on ledger.statement_lines to current_user using (true) with check (true);

create function ledger.purge_raw(closed_before timestamptz, at_most int)
returns table (source text, pulls bigint, raw_rows bigint)
language plpgsql security definer set search_path = '' as $$
declare
    raw_table record;
    chosen bigint[];
    gone bigint;
begin
    if closed_before > pg_catalog.clock_timestamp() - interval '1 day' then
        raise exception 'rows of a pull are kept for a day at least' using errcode = 'invalid_parameter_value';
    end if;
    for raw_table in
        values ('vapi', 'raw_vapi.calls'), ('voiceflow', 'raw_voiceflow.usage'), ('usage_metrics', 'raw_usage_metrics.metrics')
    loop
        select array(
            select p.pull_id from ledger.pulls as p
            where
                p.source = raw_table.column1
                and p.state in ('superseded', 'failed', 'unchanged')
                and p.purged_at is null
                and p.closed_at < closed_before
                and not (p.state = 'superseded' and ledger.explains_a_frozen_line(p))
            order by p.closed_at
            limit 500
            for update skip locked
        ) into chosen;
        execute pg_catalog.format(
            'delete from %s where ctid = any(array(select ctid from %1$s where pull_id = any($1) limit $2))', raw_table.column2
        ) using chosen, at_most;
        get diagnostics gone = row_count;
        if gone < at_most then
            update ledger.pulls as p set purged_at = pg_catalog.clock_timestamp() where p.pull_id = any(chosen);
            pulls := pg_catalog.cardinality(chosen);
        else
            pulls := 0;
        end if;
        source := raw_table.column1;
        raw_rows := gone;
        return next;
    end loop;
end
$$;
comment on function ledger.purge_raw is
'Deletes at most so many raw rows of each source, of unread pulls closed before then; to be repeated until nothing is gone.';
revoke execute on function ledger.purge_raw(timestamptz, int) from public;
grant execute on function ledger.purge_raw(timestamptz, int) to minutebook_operator;
grant select on ledger.unread_pulls to minutebook_operator, minutebook_transformer;
