"""Days that are not whole: the commands that fix them, for each state and cause that the ledger records."""

from collections.abc import Mapping
from typing import Any

from orchestration.remedies.wording import OnPage, commands, day_page, pull, resolved_by

# Causes that asking again does not fix: a person has to do something first.
_FIRST = {
    "credential_rejected": ("credential", "set"),
    "credential_missing": ("credential", "set"),
}
# Causes that a person may accept, each by the flag of its own.
_ACCEPT = {
    "rows_lost": "--accept-loss",
    "totals_disagree": "--accept-count",
    "loss_unconfirmed": "--accept-unconfirmed",
}


def fix(fault: Mapping[str, Any]) -> str:
    """The commands for a fault: source, its provider, account, cause_code, a_tenant, tenants, first_day and last_day.

    A fault of a shared account is fixed once; one of many tenants' own accounts, for each: the first
    of them is named.
    """
    is_shared = fault["account"] == "platform"
    tenant = None if is_shared and fault["tenants"] > 1 else fault["a_tenant"]
    cause = fault["cause_code"]
    if cause == "quarantined":
        return commands(["quarantine", "list", *(["--tenant", tenant] if tenant else [])])
    flags = [_ACCEPT[cause]] if cause in _ACCEPT else []
    pulling = pull(tenant, fault["source"], fault["first_day"], fault["last_day"], *flags)
    if cause in _FIRST:
        owner = [] if is_shared else ["--tenant", fault["a_tenant"]]
        return commands([*_FIRST[cause], fault["provider"], *owner], pulling)
    return commands(pulling)


def on_page(fault: Mapping[str, Any]) -> OnPage:
    """The remedy of a fault as a page offers it; rows that are set aside are decided on the day's own page."""
    if fault["cause_code"] == "quarantined":
        return OnPage("", link=day_page(fault["a_tenant"], fault["last_day"]))
    command, steps = resolved_by(fix(fault))
    return OnPage("", command=command, steps=steps)
