---
entity_id: null
name: Freshest pull by source
description: When each source was last read, and up to which day.
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
    source,
    max(usage_date) as last_usage_date,
    max(pulled_at) as last_pulled_at,
    count(*) as account_days,
    sum(row_count) as rows_read
from marts.fct_pulls_built
group by source
order by source
