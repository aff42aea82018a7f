"""Running workflows that a deployment's module names, for tenants whose feature flag says so.

Owns a pass: what is due is claimed, and each tenant's runs are given to a process of its own, which may do nothing in
the database but read and write the threads of that tenant. Does not own what a run has done (`warehouse/automations`),
nor when a pass begins (`orchestration/defs/automations`): never in the night.
"""
