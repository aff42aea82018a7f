---
entity_id: null
name: Freshest pull by source
description: When each source was last read, and up to which day.
type: question
display: table
database: Minutebook
parameters:
- id: first_day
  type: date/single
  target:
  - variable
  - - template-tag
    - first_day
  name: From
  slug: first_day
- id: last_day
  type: date/single
  target:
  - variable
  - - template-tag
    - last_day
  name: Up to
  slug: last_day
visualization_settings: {}
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags:
  first_day:
    id: first_day
    name: first_day
    display-name: From
    type: date
  last_day:
    id: last_day
    name: last_day
    display-name: Up to
    type: date
---
---body---
select
    source,
    max(usage_date) as last_usage_date,
    max(pulled_at) as last_pulled_at,
    count(*) as account_days,
    sum(row_count) as rows_read
from marts.fct_pulls_built
where
    true
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
group by source
order by source
