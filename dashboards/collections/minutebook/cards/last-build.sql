---
entity_id: null
name: Last build
description: The day the marts were built for, how old it is, and why a later build failed, if one did.
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
    as_of,
    (now() at time zone 'utc')::date - as_of as days_old,
    control_revision,
    failed_at,
    fault
from marts.dim_build
