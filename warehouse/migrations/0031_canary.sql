-- The known-answer tenant is told from real ones by a mark, not by its name: the marts leave it out, so that no total, no
-- pack and no posting ever holds it, and a real tenant may be called "canary".
alter table control.tenants add column is_canary boolean not null default false;
comment on column control.tenants.is_canary is
'The known-answer tenant. Built like any other, and left out of every mart but fct_canary_lines.';
create unique index tenants_one_canary on control.tenants (is_canary)
where is_canary;

-- Its voice meter counts its own calls alone; without this it would count every call of every tenant once more.
alter table control.meters add column only_account text;
comment on column control.meters.only_account is 'A voice meter counts calls of this account only; null: of all.';

update control.meters set only_account = 'canary'
where meter_id = 'canary_half_minutes';
update control.tenants set is_canary = true
where
    tenant_id = 'canary'
    and tenant_id in (
        select p.tenant_id from control.tenant_plans as p
        where p.plan_id = 'canary'
    );
