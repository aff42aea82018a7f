---
entity_id: null
name: Days by status
description: Tenant-days of the last 31 days by whether they were read.
type: question
display: bar
database: Minutebook
parameters: []
visualization_settings:
  graph.dimensions:
  - usage_date
  - status
  graph.metrics:
  - tenant_days
  stackable.stack_type: stacked
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags: {}
---
---body---
select
    usage_date,
    status,
    count(*) as tenant_days
from marts.fct_tenant_day_status
where usage_date >= (select as_of from marts.dim_build) - 31
group by 1, 2
order by 1, 2
