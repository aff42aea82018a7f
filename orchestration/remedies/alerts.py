"""What is wrong with the deployment, in words: one line for a person who was not looking, and what resolves it."""

from orchestration.remedies import days
from orchestration.remedies.wording import Link, Wording, Words, commands, day_page, number, period_page, pull
from sources.registry import provider_of
from warehouse.finding import Facts, Finding
from warehouse.operations.troubles import Trouble
from warehouse.words import agreeing, counted, day, moment, month, span

RUNBOOKS = "docs/runbooks"
_BUILD = commands(["build"])
_DAYS = Link("See the days", "/days")
_BE = ("is", "are")
_CHECKS = {
    "provider_total_agrees": (
        "day of an account", ("counts", "count"), "otherwise than the provider's own total", "a-day-is-red.md", _DAYS,
    ),
    "rows_stay_with_their_tenant": (
        "way", ("leads", "lead"), "past the isolation of tenants, so no page is served", "access.md", None,
    ),
    "known_answer_tenant_agrees": (
        "line of the known-answer tenant", _BE, "wrong, so nothing is posted", "the-canary-is-red.md", None,
    ),
    "the_books_balance": (
        "line", _BE, "out of balance with the corrections made", "the-books-do-not-balance.md", None,
    ),
    "no_usage_is_unattributed": (
        "item of usage", ("belongs", "belong"), "to no tenant and on no bill", "usage-without-owner-or-price.md",
        Link("See the month", "/periods"),
    ),
    "no_usage_is_unpriced": (
        "item of usage", ("has", "have"), "no price in force and no place on a bill", "usage-without-owner-or-price.md",
        Link("See the month", "/periods"),
    ),
    "no_call_is_counted_twice": (
        "organisation of a provider", _BE, "read under two keys, so calls are billed twice",
        "usage-without-owner-or-price.md", None,
    ),
}  # fmt: skip
"""Each check by its name: what is red of how many, the runbook, and where it is seen."""


def _days(finding: Finding) -> Wording:
    facts = finding.facts
    whose = "the shared account" if facts["account"] == "platform" else facts["account"]
    state = facts["status"] if facts["status"] in ("failed", "not pulled", "incomplete") else "broken off"
    cause = f": {facts['cause']}" if facts["cause"] else ""
    link = day_page(finding.subject.tenant_id, facts["last_day"]) if finding.subject.tenant_id else _DAYS
    return Wording(
        f"{counted(facts['days'], 'day')} of {facts['source']} of {whose} {state},"
        f" {span(facts['first_day'], facts['last_day'])}{cause}",
        days.fix({**facts, "provider": provider_of(facts["source"])}),
        "days behind",
        link=link,
    )


def _night(finding: Finding) -> Wording:
    return Wording(
        f"no schedule has begun to pull since {moment(finding.facts['began'])}",
        f"{RUNBOOKS}/the-night-did-not-run.md",
        "the night was missed",
        link=_DAYS,
    )


def _build_failed(finding: Finding) -> Wording:
    why = f": {fault}" if (fault := finding.facts["fault"]) else ""
    return Wording(f"the last build of the marts failed, and readers see the one before{why}", _BUILD, "build failed")


def _old_data(finding: Finding) -> Wording:
    return Wording(f"the marts were last built at {moment(finding.facts['built_at'])}", _BUILD, "old data")


def _check(finding: Finding) -> Wording:
    found = finding.facts["found"]
    unit, verb, what, runbook, link = _CHECKS[finding.facts["check"]]
    said = f"{counted(found, unit, *verb)} {what}"
    return Wording(said, f"{RUNBOOKS}/{runbook}", "a check is red", link=link)


def _differs(finding: Finding) -> Wording:
    facts = finding.facts
    return Wording(
        f"marts, postings and Stripe are not one on {counted(facts['days'], 'day')} of {finding.subject.tenant_id},"
        f" {span(facts['first_day'], facts['last_day'])}: {facts['findings']}",
        f"{RUNBOOKS}/stripe-differs.md",
        "Stripe differs",
        link=Link("See the invoices", "/invoices"),
    )


def _reports(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id
    call = f"call of {tenant or 'the shared account'}"
    first_day, last_day = facts["first_day"], facts["last_day"]
    return Wording(
        f"{counted(facts['calls'], call, 'was', 'were')} reported by"
        f" {facts['source']} and not listed by it, {span(first_day, last_day)}",
        commands(pull(tenant, facts["source"], first_day, last_day)),
        "reported and not listed",
        link=_DAYS,
    )


def _invoice(finding: Finding) -> Wording:
    facts, of = finding.facts, finding.subject
    start = of.period_start
    assert start is not None  # noqa: S101  of a statement
    line = f"line of final invoices of {of.tenant_id}"
    return Wording(
        f"{counted(facts['lines'], line, 'differs', 'differ')} from its statement of {month(start)}: {facts['what']}",
        f"{RUNBOOKS}/stripe-differs.md",
        "an invoice differs",
        link=Link("See the invoices", f"/invoices?month={start:%Y-%m}"),
    )


def _not_posted(finding: Finding) -> Wording:
    facts = finding.facts
    what = "Stripe refused" if facts["is_refused"] else "Stripe did not answer for"
    cause = f": {facts['cause']}" if facts["cause"] else ""
    return Wording(
        f"{what} the overage of {counted(facts['days'], 'day')} of {finding.subject.tenant_id},"
        f" {span(facts['first_day'], facts['last_day'])}{cause}",
        f"{RUNBOOKS}/stripe-differs.md",
        "not posted",
        link=Link("See the invoices", "/invoices"),
    )


def _limit(facts: Facts) -> str:
    return "spend limit" if facts["quota"] == "spend" else f"allowance of {facts['quota']}"


def _quota(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id or ""
    return Wording(
        f"{tenant} has reached {facts['threshold']} % of its {_limit(facts)}: {number(facts['used'])} of"
        f" {counted(facts['allowed'], facts['unit'])} in the period from {day(facts['period_start'])} on",
        short="a quota was reached",
        then="nothing is cut off: what is above an allowance is overage",
        link=period_page(tenant, facts["period_start"], "See the statement"),
    )


def _expected(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id or ""
    on = f", about {day(facts['on'])}" if facts["on"] else ""
    return Wording(
        f"{tenant} will pass its {_limit(facts)}{on}: {number(facts['used'])} of"
        f" {counted(facts['allowed'], facts['unit'])} so far, about"
        f" {number(facts['expected'])} at the end of the period from {day(facts['period_start'])} on",
        short="a quota will be passed",
        then="nothing is cut off: what is above an allowance is overage",
        link=period_page(tenant, facts["period_start"], "See the statement"),
    )


def _key(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id
    verb = "expired" if facts["is_over"] else "expires"
    whose = ["--tenant", tenant] if tenant else []
    return Wording(
        f"API key {facts['key_id']} of {tenant or 'the platform'} {verb} at {moment(facts['expires_at'])}, and no"
        " other one replaces it",
        commands(["key", "create", *whose, *(word for scope in facts["scopes"] for word in ("--scope", scope))]),
        "a key expires",
        link=Link("Make another key", f"/keys?q={tenant}" if tenant else "/keys"),
        is_resolved_there=True,
    )


def _endpoint(finding: Finding) -> Wording:
    facts = finding.facts
    verb = "asked to be sent no more" if facts["is_gone"] else "takes nothing"
    return Wording(
        f"{facts['host']} ({facts['endpoint_id']}) {verb} since {moment(facts['since'])}",
        commands(["endpoint", "revoke", facts["endpoint_id"]]),
        "an endpoint fails",
        then="once it answers again, what was given up is sent by minutebook endpoint replay; or end it",
        link=Link("See the deliveries", f"/events?endpoint={facts['endpoint_id']}"),
        is_resolved_there=True,
    )


def _automation(finding: Finding) -> Wording:
    facts, tenant = finding.facts, finding.subject.tenant_id or ""
    link = Link("See the runs", f"/automations?tenant={tenant}")
    run = f"run of {facts['automation']} of {tenant}"
    if not facts["is_failed"]:
        them = agreeing(facts["runs"], "it", "them")
        return Wording(
            f"{counted(facts['runs'], run, 'is', 'are')} due, and nothing takes {them} on",
            commands(["automation", "run"]),
            "an automation does not run",
            link=link,
        )
    return Wording(
        f"{counted(facts['runs'], run)} failed: {facts['fault']}",
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
        what = f"the newest copy of the embedded server is of {moment(newest)}"
    return Wording(what, commands(["backup"]), "the backup is old")


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
