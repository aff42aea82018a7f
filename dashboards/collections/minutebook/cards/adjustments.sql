---
entity_id: null
name: Adjustments
description: Corrections of approved periods, each with the line it corrects.
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
    tenant_id,
    period_start as carried_by,
    service_period_start,
    service_period_end,
    meter_id,
    quantity,
    amount,
    currency,
    corrects_line_id
from marts.fct_statement_lines
where line_kind = 'adjustment'
order by period_start desc, abs(amount) desc
