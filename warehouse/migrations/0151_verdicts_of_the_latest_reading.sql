-- Whether a provider's own total agrees is said by the latest reading of what is current, published or unchanged: one that
-- agrees again ends a doubt, and one that does not raises it although no row moved.
alter table ledger.acceptances drop constraint acceptances_doubt_check;
alter table ledger.acceptances add constraint acceptances_doubt_check
check (doubt in ('quarantined', 'totals_disagree'));

create view ledger.disagreeing_totals with (security_invoker = true) as
select
    c.source,
    c.account,
    c.tenant_id,
    c.usage_date,
    r.pull_id,
    told.name,
    counted.value as counted,
    told.value as provider_says,
    concat(counted.value, '/', told.value) as evidence,
    exists(
        select from ledger.pulls as earlier
        where
            earlier.source = c.source
            and earlier.account = c.account
            and earlier.usage_date = c.usage_date
            and earlier.pull_id < r.pull_id
            and coalesce(earlier.confirms_pull_id, earlier.pull_id) = c.pull_id
            and earlier.provider_totals ->> told.name = told.value
    ) as is_repeated
from ledger.pulls as c
cross join
    lateral (
        select
            p.pull_id,
            p.totals,
            p.provider_totals
        from ledger.pulls as p
        where
            p.source = c.source
            and p.account = c.account
            and p.usage_date = c.usage_date
            and p.state in ('published', 'unchanged')
            and coalesce(p.confirms_pull_id, p.pull_id) = c.pull_id
            and p.provider_totals is not null
        order by p.pull_id desc
        limit 1
    ) as r
cross join lateral jsonb_each_text(r.provider_totals) as told (name, value)
left join lateral jsonb_each_text(r.totals) as counted (name, value) on told.name = counted.name
where
    c.state = 'published'
    and not coalesce(r.totals @> r.provider_totals, false)
    -- Within a ten-thousandth per call: each call's cost is rounded by Vapi, its own sum is not.
    and abs(told.value::numeric - coalesce(counted.value::numeric, 0))
    > case when told.name = 'cost' then 0.0001 * coalesce((r.totals ->> 'calls')::numeric, 0) else 0 end
    and not exists (
        select from ledger.acceptances as a
        where
            a.source = c.source
            and a.account = c.account
            and a.usage_date = c.usage_date
            and a.doubt = 'totals_disagree'
            and a.subject = told.name
            and a.evidence = concat(counted.value, '/', told.value)
    );
comment on view ledger.disagreeing_totals is
'What a provider counts otherwise than its rows, by the latest reading, unless a person accepted just that.'
' is_repeated: an earlier reading was told the same.';
grant select on ledger.disagreeing_totals
to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
