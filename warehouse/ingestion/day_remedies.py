"""The command that fixes a day: what to type, for each state and cause the ledger records."""

from collections.abc import Mapping
from shlex import join
from typing import Any

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

    A command a line. A fault of a shared account is fixed once; one of many tenants' own accounts, for each: the first
    of them is named.
    """
    is_shared = fault["account"] == "platform"
    whom = [] if is_shared and fault["tenants"] > 1 else ["--tenant", fault["a_tenant"]]
    days = ["--from", str(fault["first_day"]), "--to", str(fault["last_day"])]
    pull = join(["minutebook", "pull", *whom, "--source", fault["source"], *days])
    cause = fault["cause_code"]
    if cause == "quarantined":
        return join(["minutebook", "quarantine", "list", *whom])
    if cause in _FIRST:
        owner = [] if is_shared else ["--tenant", fault["a_tenant"]]
        return join(["minutebook", *_FIRST[cause], fault["provider"], *owner]) + f"\n{pull}"
    return f"{pull} {_ACCEPT[cause]}" if cause in _ACCEPT else pull
