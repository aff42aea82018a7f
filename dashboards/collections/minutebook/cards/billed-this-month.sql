---
entity_id: null
name: Billed this month
description: The totals of the statements of the newest month so far, by currency.
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
select sum(total) as billed, currency
from marts.fct_statements
where period_start >= date_trunc('month', (select as_of from marts.dim_build))
group by currency
order by billed desc
