-- From when to when a tenant's usage of a source is read, and from whose account: what should be pulled, in one place,
-- for the night, for the status of each tenant and day, and for the check that no day is missing.
create view control.tenant_sources with (security_invoker = true) as
with attachment_versions as (
    select
        kind,
        value,
        tenant_id,
        agent_id,
        valid_from,
        lead(valid_from) over (partition by kind, value order by valid_from) as valid_to
    from control.agent_attachments
),

own_vapi as (
    select
        tenant_id,
        min(used_from) as used_from
    from control.credentials
    where provider = 'vapi' and tenant_id is not null and retired_at is null
    group by tenant_id
)

select
    tenant_id,
    'vapi' as source,
    tenant_id as account,
    used_from as valid_from,
    null::date as valid_to
from own_vapi
union all
select
    v.tenant_id,
    'vapi' as source,
    'platform' as account,
    v.valid_from,
    least(v.valid_to, o.used_from) as valid_to
from attachment_versions as v
left join own_vapi as o on v.tenant_id = o.tenant_id
where
    v.tenant_id is not null and v.kind in ('vapi_phone_number', 'vapi_assistant')
    and v.valid_from < coalesce(o.used_from, 'infinity')
union all
select
    tenant_id,
    'voiceflow' as source,
    tenant_id as account,
    valid_from,
    valid_to
from control.voiceflow_projects
union all
select
    tenant_id,
    'usage_metrics' as source,
    tenant_id as account,
    valid_from,
    valid_to
from attachment_versions
where tenant_id is not null and kind = 'usage_agent';
comment on view control.tenant_sources is
'Half-open [valid_from, valid_to); several rows per tenant and source may overlap. account: whose credential reads it.';
