"""What meters are called and how they round, for pages of anybody who may see the ids that are asked for."""

from collections.abc import Iterable

from starlette.requests import Request

from orchestration.web.access.auth import readers
from warehouse.control import plans
from warehouse.database.queries import Row


def defined(request: Request, meter_ids: Iterable[str]) -> dict[str, Row]:
    """Name, unit and steps of these meters by id; one of calls has increment_seconds. No row of a tenant is read."""
    wanted = set(meter_ids)
    if not wanted:
        return {}
    with readers(request).operator() as connection:
        return {row["meter_id"]: row for row in plans.meters(connection) if row["meter_id"] in wanted}
