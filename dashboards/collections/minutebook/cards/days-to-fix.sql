---
entity_id: null
name: Days to fix
description: Tenant-days that failed, were not pulled or are incomplete, newest first, with the cause.
type: question
display: table
database: Minutebook
parameters: []
visualization_settings: {}
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags: {}
---
---body---
select
    usage_date,
    tenant_id,
    source,
    account,
    status,
    cause_code,
    cause
from marts.fct_tenant_day_status
where status in ('failed', 'not pulled', 'incomplete')
order by usage_date desc, tenant_id, source
limit 500
