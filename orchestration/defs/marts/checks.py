"""What must hold of the marts; a red check names the offenders, and is what an operator looks at first."""

import dagster as dg

from orchestration.defs.sql_checks import SHOWN, check_without_rows, offenders_table
from orchestration.remedies import word
from orchestration.resources import Minutebook
from warehouse.database.connect import Role, connect
from warehouse.finding import Finding
from warehouse.marts import checks as of_rows
from warehouse.security.isolation import flaws
from warehouse.statements import canary
from warehouse.statements.canary import Distrust


@dg.asset_check(
    asset=dg.AssetKey(["marts", "dim_tenants"]),
    name="rows_stay_with_their_tenant",
    description="PostgreSQL itself keeps every reader to its own rows: forced policies, no role beyond need.",
)
def isolation_check(minutebook: Minutebook) -> dg.AssetCheckResult:
    """Red when the preflight finds a way past isolation; each with what closes it."""
    with minutebook.database() as url, connect(url, Role.TRANSFORMER) as connection:
        found = flaws(connection)
    return dg.AssetCheckResult(
        passed=not found,
        description=word(found[0]).what if found else None,
        metadata=offenders_table([{"code": flaw.code, **word(flaw).as_record} for flaw in found]),
    )


@dg.asset_check(
    asset=dg.AssetKey(["marts", "fct_canary_lines"]),
    name="known_answer_tenant_agrees",
    description="The canary's statement is what it is known to be; nothing is posted while it is not.",
)
def canary_check(minutebook: Minutebook) -> dg.AssetCheckResult:
    """Red when a line of the canary is wrong; says what to do. Without a canary it says so and passes."""
    with minutebook.database() as url, connect(url, Role.TRANSFORMER) as connection:
        verdict = canary.verdict(connection)
    missing = None if verdict.is_installed else Finding(Distrust.CANARY_MISSING)
    said = verdict.finding or missing
    return dg.AssetCheckResult(
        passed=verdict.finding is None,
        description=word(said).in_a_line if said else None,
        metadata=offenders_table(list(verdict.wrong)),
    )


@dg.asset_check(
    asset=dg.AssetKey(["marts", "fct_unbilled_usage"]),
    name="no_usage_is_unpriced",
    description="All usage that is billed has a meter and a price in force; what no price is for is listed, not red.",
)
def price_check(minutebook: Minutebook) -> dg.AssetCheckResult:
    """Red for usage that blocks approval for want of a meter, a price or a known type."""
    with minutebook.database() as url, connect(url, Role.TRANSFORMER) as connection:
        unpriced = of_rows.offenders(connection, "no_usage_is_unpriced")
        beside = of_rows.offenders(connection, "usage_that_no_price_is_for")
    listed = offenders_table(beside, SHOWN).get("offenders")
    return dg.AssetCheckResult(
        passed=not unpriced,
        description=f"{len(unpriced)} found" if unpriced else None,
        metadata={**offenders_table(unpriced, SHOWN), **({"reported, not billed": listed} if listed else {})},
    )


UNBILLED = dg.AssetKey(["marts", "fct_unbilled_usage"])
STATUS = dg.AssetKey(["marts", "fct_tenant_day_status"])

checks = [
    isolation_check,
    canary_check,
    check_without_rows(
        "no_usage_is_unattributed", UNBILLED, "All usage belongs to a tenant: what routes to nobody is money lost."
    ),
    price_check,
    check_without_rows(
        "no_call_is_counted_twice",
        dg.AssetKey(["marts", "fct_calls"]),
        "No organisation of a voice provider is read under two keys.",
    ),
    check_without_rows(
        "campaigns_are_counted_alike",
        dg.AssetKey(["marts", "dim_campaigns"]),
        "Of each campaign that is over, its provider counts the calls that were read. No bill depends on it.",
        dg.AssetCheckSeverity.WARN,
    ),
    check_without_rows(
        "the_books_balance",
        dg.AssetKey(["marts", "fct_line_balances"]),
        "Of each line, what was stated and all its corrections sum to what it is rated at now; where they do not, its"
        " tenant's statements are not approved and nothing of it is posted.",
    ),
    check_without_rows("no_day_is_missing", STATUS, "Every expected tenant-day of every source was pulled, whole."),
]
