-- Whether a correction of a paid invoice is given as a credit note is the word of the plan that was in force for what is
-- corrected: like its fees it is immutable once a period of it is approved. Until now a tenant's flag said so.
alter table control.plan_terms add column gives_credit_notes boolean not null default false;
comment on column control.plan_terms.gives_credit_notes is
'A correction in the tenant''s favour of a period that these terms bill is a credit note of its invoice, if that is paid.';

-- The owner writes as such here; it may be no superuser.
alter table control.tenants no force row level security;
alter table control.tenant_plans no force row level security;

-- A plan says it where all tenants of it said it. For a tenant of another plan the next invoice takes what is corrected:
-- the same money.
update control.plan_terms
set gives_credit_notes = true
where
    plan_id in (
        select c.plan_id
        from control.tenant_plans as c
        inner join control.tenants as t on c.tenant_id = t.tenant_id
        where not t.is_canary
        group by c.plan_id
        having bool_and(t.feature_flags @> '{"stripe_credit_notes": true}')
    );
update control.tenants
set feature_flags = feature_flags - 'stripe_credit_notes'
where feature_flags -> 'stripe_credit_notes' is not null;

alter table control.tenants force row level security;
alter table control.tenant_plans force row level security;
