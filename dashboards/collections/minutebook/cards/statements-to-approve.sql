---
entity_id: null
name: Statements to approve
description: Periods that have ended and are not approved.
type: question
display: scalar
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
select count(*) as statements
from marts.fct_statements
where period_state in ('open', 'in_review') and period_end <= (select as_of from marts.dim_build)
