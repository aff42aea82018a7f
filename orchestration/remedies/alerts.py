"""What is wrong with the deployment, in words: one line for a person who was not looking, and what resolves it."""

from datetime import datetime

from orchestration.remedies import days
from orchestration.remedies.wording import Link, Wording, Words, commands, day_page, number, period_page, pull, span
from sources.registry import provider_of
from warehouse.finding import Finding
from warehouse.operations.troubles import Trouble
from warehouse.words import counted, day

RUNBOOKS = "docs/runbooks"
_BUILD = commands(["build"])
_DAYS = Link("See the days", "/days")
_CHECKS = {
    "provider_total_agrees": (
        "account-day(s) count otherwise than their provider's own total", "a-day-is-red.md", _DAYS,
    ),
    "rows_stay_with_their_tenant": (
        "way(s) past the isolation of tenants are open, so no page is served", "access.md", None,
    ),
    "known_answer_tenant_agrees": (
        "line(s) of the known-answer tenant are wrong, so nothing is posted", "the-canary-is-red.md", None,
    ),
    "the_books_balance": (
        "line(s) do not balance with their corrections", "the-books-do-not-balance.md", None,
    ),
    "no_usage_is_unattributed": (
        "item(s) of usage belong to no tenant and are not billed", "usage-without-owner-or-price.md",
        Link("See the month", "/periods"),
    ),
    "no_usage_is_unpriced": (
        "item(s) of usage have no price in force and are not billed", "usage-without-owner-or-price.md",
        Link("See the month", "/periods"),
    ),
    "no_call_is_counted_twice": (
        "organisation(s) of a provider are read under two keys, so their calls are billed twice",
        "usage-without-owner-or-price.md", None,
    ),
}  # fmt: skip
"""Each check by its name: what is red, the runbook, and where it is seen."""


def _days(finding: Finding) -> Wording:
    facts = finding.facts
    whose = "the shared account" if facts["account"] == "platform" else facts["account"]
    state = {"failed": "failed", "not pulled": "were not pulled", "incomplete": "are incomplete"}.get(
        facts["status"], "broke off"
    )
    cause = f": {facts['cause']}" if facts["cause"] else ""
    link = day_page(finding.subject.tenant_id, facts["last_day"]) if finding.subject.tenant_id else _DAYS
    return Wording(
        f"{facts['days']} {facts['source']} day(s) of {whose} {state}, {span(facts['first_day'], facts['last_day'])}"
        f"{cause}",
        days.fix({**facts, "provider": provider_of(facts["source"])}),
        "days behind",
        link=link,
    )


def _night(finding: Finding) -> Wording:
    return Wording(
        f"no schedule has begun to pull since {_moment(finding.facts['began'])}",
        f"{RUNBOOKS}/the-night-did-not-run.md",
        "the night was missed",
        link=_DAYS,
    )


def _build_failed(finding: Finding) -> Wording:
    why = f": {fault}" if (fault := finding.facts["fault"]) else ""
    return Wording(f"the last build of the marts failed, and readers see the one before{why}", _BUILD, "build failed")


def _old_data(finding: Finding) -> Wording:
    return Wording(f"the marts were last built at {_moment(finding.facts['built_at'])}", _BUILD, "old data")


def _check(finding: Finding) -> Wording:
    what, runbook, link = _CHECKS[finding.facts["check"]]
    return Wording(f"{finding.facts['found']} {what}", f"{RUNBOOKS}/{runbook}", "a check is red", link=link)


def _differs(finding: Finding) -> Wording:
    facts = finding.facts
    return Wording(
        f"marts, postings and Stripe are not one on {facts['days']} day(s) of {finding.subject.tenant_id},"
        f" {span(facts['first_day'], facts['last_day'])}: {facts['findings']}",
        f"{RUNBOOKS}/stripe-differs.md",
        "Stripe differs",
        link=Link("See the invoices", "/invoices"),
    )


def _reports(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id
    first_day, last_day = facts["first_day"], facts["last_day"]
    return Wording(
        f"{facts['calls']} call(s) of {tenant or 'the shared account'} were reported by {facts['source']} and are not"
        f" listed by it, {span(first_day, last_day)}",
        commands(pull(tenant, facts["source"], first_day, last_day)),
        "reported and not listed",
        link=_DAYS,
    )


def _invoice(finding: Finding) -> Wording:
    facts, of = finding.facts, finding.subject
    return Wording(
        f"{facts['lines']} line(s) of final invoices of {of.tenant_id} differ from its statement of"
        f" {of.period_start:%Y-%m}: {facts['what']}",
        f"{RUNBOOKS}/stripe-differs.md",
        "an invoice differs",
        link=Link("See the invoices", f"/invoices?month={of.period_start:%Y-%m}"),
    )


def _not_posted(finding: Finding) -> Wording:
    facts = finding.facts
    what = "Stripe refused" if facts["is_refused"] else "Stripe did not answer for"
    cause = f": {facts['cause']}" if facts["cause"] else ""
    return Wording(
        f"{what} the overage of {facts['days']} day(s) of {finding.subject.tenant_id},"
        f" {span(facts['first_day'], facts['last_day'])}{cause}",
        f"{RUNBOOKS}/stripe-differs.md",
        "not posted",
        link=Link("See the invoices", "/invoices"),
    )


def _quota(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id or ""
    what = "spend limit" if facts["quota"] == "spend" else f"allowance of {facts['quota']}"
    return Wording(
        f"{tenant} has reached {facts['threshold']} % of its {what}: {number(facts['used'])} of"
        f" {number(facts['allowed'])} {facts['unit']} in the period from {facts['period_start']}",
        short="a quota was reached",
        then="nothing is cut off: what is above an allowance is overage",
        link=period_page(tenant, facts["period_start"], "See the statement"),
    )


def _expected(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id or ""
    what = "spend limit" if facts["quota"] == "spend" else f"allowance of {facts['quota']}"
    on = f", about {day(facts['on'])}" if facts["on"] else ""
    return Wording(
        f"{tenant} will pass its {what}{on}: {number(facts['used'])} of {counted(facts['allowed'], facts['unit'])} so"
        f" far, about {number(facts['expected'])} at the end of the period from {day(facts['period_start'])} on",
        short="a quota will be passed",
        then="nothing is cut off: what is above an allowance is overage",
        link=period_page(tenant, facts["period_start"], "See the statement"),
    )


def _key(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id
    verb = "expired" if facts["is_over"] else "expires"
    whose = ["--tenant", tenant] if tenant else []
    return Wording(
        f"API key {facts['key_id']} of {tenant or 'the platform'} {verb} at {_moment(facts['expires_at'])}, and no"
        " other one replaces it",
        commands(["key", "create", *whose, *(word for scope in facts["scopes"] for word in ("--scope", scope))]),
        "a key expires",
    )


def _endpoint(finding: Finding) -> Wording:
    facts = finding.facts
    verb = "asked to be sent no more" if facts["is_gone"] else "takes nothing"
    return Wording(
        f"{facts['host']} ({facts['endpoint_id']}) {verb} since {_moment(facts['since'])}",
        commands(["endpoint", "revoke", facts["endpoint_id"]]),
        "an endpoint fails",
        then="once it answers again, what was given up is sent by minutebook endpoint replay; or end it",
        link=Link("See the deliveries", f"/events?endpoint={facts['endpoint_id']}"),
    )


def _automation(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id or ""
    link = Link("See the runs", f"/automations?tenant={tenant}")
    if not facts["is_failed"]:
        return Wording(
            f"{facts['runs']} run(s) of {facts['automation']} of {tenant} are due, and nothing takes them on",
            commands(["automation", "run"]),
            "an automation does not run",
            link=link,
        )
    return Wording(
        f"{facts['runs']} run(s) of {facts['automation']} of {tenant} failed: {facts['fault']}",
        commands(["automation", "retry", tenant, facts["automation"]]),
        "an automation fails",
        then="once its cause is fixed; what it said is in the log of the job run_automations",
        link=link,
    )


def _disk(finding: Finding) -> Wording:
    facts = finding.facts
    share = facts["free"] * 100 // facts["total"]
    return Wording(
        f"the disk of the {facts['place']} has {facts['free'] / 2**30:.1f} GiB left, {share} %",
        f"{RUNBOOKS}/the-disk-is-full.md",
        "little disk is left",
    )


def _backup(finding: Finding) -> Wording:
    newest = finding.facts["newest_at"]
    if finding.facts["is_failing"]:
        what = "the server cannot archive its log, so nothing since the newest copy could be restored"
    elif newest is None:
        what = "there is no copy of the embedded server yet"
    else:
        what = f"the newest copy of the embedded server is of {_moment(newest)}"
    return Wording(what, commands(["backup"]), "the backup is old")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


WORDS: Words = {
    Trouble.DAYS: _days,
    Trouble.NIGHT: _night,
    Trouble.BUILD: _build_failed,
    Trouble.OLD_DATA: _old_data,
    Trouble.CHECK: _check,
    Trouble.DIFFERS: _differs,
    Trouble.REPORTS: _reports,
    Trouble.INVOICE: _invoice,
    Trouble.NOT_POSTED: _not_posted,
    Trouble.QUOTA: _quota,
    Trouble.EXPECTED: _expected,
    Trouble.KEY: _key,
    Trouble.ENDPOINT: _endpoint,
    Trouble.AUTOMATION: _automation,
    Trouble.DISK: _disk,
    Trouble.BACKUP: _backup,
}
