"""What people decide, as the beginning of the lineage. Written by the command line, only observed by Dagster."""

import dagster as dg

WHAT_IT_HOLDS = {
    "tenants": "Tenants with their currency, anchor day and feature flags.",
    "tenant_statuses": "From which day a tenant is active, paused or closed.",
    "agents": "A tenant's voice and chat agents.",
    "agent_attachments": "From which day an id of a provider belongs to which agent.",
    "scopes": "Which of a provider's ids belong to which tenant and agent, from when to when.",
    "meters": "What is counted, in which unit.",
    "plans": "What a tenant can subscribe to.",
    "plan_terms": "Fees and minimum of a plan, by the day from which they hold.",
    "tenant_plans": "From which day a tenant is on which plan.",
    "allowances": "Included quantities of a plan, by the day from which they hold.",
    "prices": "Prices of a plan or of one tenant, by the day from which they hold.",
    "unit_costs": "What a unit costs us where the provider does not say.",
    "call_outputs": "What a structured output of a tenant's calls means, by its id.",
    "search_languages": "In which language the words said in a tenant's calls are searched.",
    "call_rubrics": "By which words an assistant's evaluations are read as success or failure.",
    "cost_coverage": "On whose bill a component of calls is, by the day from which it is.",
    "provider_unit_costs": "What a unit costs us that a provider's bill counts without naming money.",
    "fixed_costs": "Monthly costs shared by the tenants.",
    "payment_fees": "What being paid a statement costs us, by its currency.",
    "exchange_rates": "Rates for costs in another currency.",
    "credits": "What a tenant is owed.",
    "credit_voids": "What was left of a credit when it was taken back.",
    "tenant_sources": "Which sources are read for a tenant, and the days from and to which they are.",
    "sources": "Each source that is or was registered; written by install, from its declaration.",
    "scope_kinds": "By which ids rows find their tenant, and which of them comes first; written by install.",
    "revision": "How often any of this was changed.",
}

control_tables = [
    dg.AssetSpec(["control", table], group_name="control", description=text, kinds={"postgres"})
    for table, text in WHAT_IT_HOLDS.items()
]
