"""Forgetting personal data that is older than each tenant's retention period."""

import dagster as dg

from orchestration.privacy.minimising import apply_choices
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal


@dg.op(description="Take out what a tenant chose not to keep, and what is older than its retention period.")
def forget_personal_data(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Safe to repeat; the audit log says of whom how many rows were changed."""
    with minutebook.database() as url:
        applied = apply_choices(url, "retention")
        with connect(url, Role.OPERATOR, actor="retention") as connection:
            forgotten = personal.expire(connection, clock.today())
    for tenant, of_choice in applied.items():
        forgotten[tenant] = forgotten.get(tenant, 0) + of_choice.rows_changed
    context.add_output_metadata({tenant: count for tenant, count in forgotten.items() if count})


@dg.job(description="Personal data older than each tenant's retention period is forgotten; costs and times stay.")
def expire_personal_data() -> None:
    """One step."""
    forget_personal_data()
