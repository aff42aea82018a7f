"""What `minutebook doctor` looks at; each finding says what fixes it."""

from collections.abc import Iterator
from itertools import groupby
from shlex import join

from orchestration.cli.doctor import pulls
from orchestration.cli.doctor.findings import Finding, Level
from orchestration.remedies import word
from orchestration.remedies.wording import commands
from orchestration.settings import MASTER_KEYS, Settings, SettingsError
from sources.registry import registry
from warehouse import clock, install
from warehouse.clock import today
from warehouse.control import shards, tenants
from warehouse.database import backup
from warehouse.database.connect import Role, connect
from warehouse.database.errors import VaultError
from warehouse.database.queries import Connection
from warehouse.finding import Finding as Found
from warehouse.finding import first_of
from warehouse.marts.freshness import MartsBehind, is_built, require_fresh
from warehouse.security import audit_log, database_logins, isolation, process_logins
from warehouse.sources import examination, fields
from warehouse.statements import balance, canary
from warehouse.statements.canary import Distrust
from warehouse.statements.periods import broken_seals
from warehouse.words import counted, day, moment, month

MOST_TENANTS_AS_PARTITIONS = 1_500
MOST_TENANTS_OF_A_SHARD = 1_000


def examine(url: str, settings: Settings, days: int) -> Iterator[Finding]:
    """Look at everything, cheapest first. Raises WarehouseError only where the database cannot be looked at at all."""
    with connect(url, Role.OWNER) as connection:
        yield Finding(Level.GOOD, f"PostgreSQL {connection.info.server_version // 10_000} answers")
        if not examination.is_migrated(connection):
            yield Finding(Level.WRONG, "the database is not migrated", "minutebook init")
            return
        yield from _migrations(connection)
        yield from _isolation(connection)
        yield from _passwords(connection, url)
        yield from _backups(connection, settings)
    with connect(url, Role.TENANT) as reader:
        for flaw in isolation.reader_flaws(reader):
            unserved = word(flaw)
            yield Finding(Level.WORTH_A_LOOK, f"the pages would not be served: {unserved.what}", unserved.fix)
    yield from _refused()
    now = clock.now()
    with connect(url, Role.OPERATOR) as connection:
        yield from _credentials(connection, settings)
        yield from _addresses(connection, settings)
        yield from _partitions(connection, settings)
        yield from pulls.missing_days(connection, days, now)
        yield from pulls.late_changes(connection, now.date())
        yield from pulls.notices(connection, days, now)
        yield from pulls.heard(connection, now.date())
        yield from pulls.missing_events(connection)
        yield from pulls.purge(connection, settings.superseded_days, now)
        yield from _fields(connection)
        yield from _seals(connection)
        yield from _audit(connection)
        yield from _canary(connection)
        yield from _marts(connection)
        if is_built(connection):
            yield from _balance(connection)
            yield from pulls.two_keys(connection)
            yield from pulls.campaigns_counted_otherwise(connection)


def _migrations(connection: Connection) -> Iterator[Finding]:
    known = {path.stem for path in install.FOLDER.glob("[0-9]*.sql")}
    applied = examination.applied_migrations(connection)
    missing, newer = sorted(known - applied), sorted(applied - known)
    if newer:
        what = f"the database holds {counted(len(newer), 'migration')} of a newer release, first {newer[0]}"
        yield Finding(Level.WRONG, what, "run the release that has them")
    elif missing:
        yield Finding(
            Level.WRONG,
            f"{counted(len(missing), 'migration', 'is', 'are')} missing, first {missing[0]}",
            "minutebook init",
        )
    else:
        yield Finding(Level.GOOD, f"migrations applied, all of them: {len(known)}")


def _isolation(connection: Connection) -> Iterator[Finding]:
    found = isolation.flaws(connection)
    for flaw in found:
        yield Finding(Level.WRONG, **word(flaw).as_record)
    for door in isolation.open_doors(connection):
        yield Finding(Level.WORTH_A_LOOK, **word(door).as_record)
    if not found:
        yield Finding(Level.GOOD, "PostgreSQL itself keeps every reader to its own rows")


def _passwords(connection: Connection, url: str) -> Iterator[Finding]:
    """PostgreSQL lets a login change its own password, so it is noticed instead."""
    if isinstance(url, process_logins.EmbeddedAddresses):
        for login in process_logins.with_other_passwords(connection, url):
            yield Finding(Level.WRONG, f"{login} has another password than this process's own", "minutebook init")
    changed = database_logins.with_other_passwords(connection)
    bound = {row["login"]: row for row in database_logins.logins(connection) if row["revoked_at"] is None}
    if changed is None and bound:
        what = f"whether one of {counted(len(bound), 'login')} changed its own password only a superuser here could see"
        yield Finding(
            Level.WORTH_A_LOOK, what, "minutebook access list, and a new password where in doubt: access grant"
        )
    for login in changed or ():
        tenant = f" --tenant {bound[login]['tenant_id']}" if bound[login]["tenant_id"] else ""
        fix = f"minutebook access grant --role {bound[login]['role']}{tenant} --login {login}, or access revoke {login}"
        yield Finding(Level.WORTH_A_LOOK, f"login {login} has another password than it was given", fix)


def _backups(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Of the embedded server; another one's are its own."""
    if not settings.is_embedded:
        return
    if settings.backup_folder is None:
        what = "MINUTEBOOK_BACKUP_FOLDER is not set: what is under the home folder is in no backup of ours"
        yield Finding(Level.WORTH_A_LOOK, what, "docs/back-up-and-restore.md")
        return
    archiver, copies = backup.archiver(connection), backup.bases(settings.backup_folder)
    if archiver.is_failing:
        what = f"the server cannot archive its log in {settings.backup_folder / 'wal'}"
        yield Finding(Level.WRONG, what, "make room on its disk, or correct its rights")
    if not archiver.is_on:
        what = "the server archives no log: it was started without MINUTEBOOK_BACKUP_FOLDER"
        yield Finding(Level.WRONG, what, "stop minutebook up and serve, and start them with it")
    if not copies or clock.now() - copies[0].ended_at > backup.OLD:
        since = f"the newest copy is of {moment(copies[0].ended_at)}" if copies else "there is no copy yet"
        yield Finding(Level.WRONG, f"{since}, in {settings.backup_folder}", commands(["backup"]))
    elif archiver.is_on and not archiver.is_failing:
        yield Finding(Level.GOOD, f"copies of the server: {len(copies)}, the newest of {moment(copies[0].ended_at)}")


def _credentials(connection: Connection, settings: Settings) -> Iterator[Finding]:
    try:
        vault = settings.vault()
    except (SettingsError, VaultError) as error:
        yield Finding(Level.WRONG, str(error), f"set {MASTER_KEYS} to the key the credentials were stored under")
        return
    stored = tenants.credentials(connection)
    for row in stored:
        owner = f"--tenant {row['tenant_id']}" if row["tenant_id"] else ""
        name = f"{row['provider']} credential of {row['tenant_id'] or 'the platform'}"
        try:
            vault.secret(connection, row["tenant_id"], row["provider"])
        except VaultError as error:
            yield Finding(
                Level.WRONG, f"{name} does not open: {error}", f"minutebook credential set {row['provider']} {owner}"
            )
            continue
        sources = [source.name for source in registry().of_provider(row["provider"])]
        last = examination.last_word_on_key(connection, row["provider"], row["tenant_id"], sources)
        if last is not None and last.cause_code is not None:
            what = f"{name} was rejected when it was last used, {moment(last.closed_at)}: {last.cause}"
            yield Finding(Level.WRONG, what, f"minutebook credential set {row['provider']} {owner}".strip())
        elif row["verified_at"] is None:
            fix = f"minutebook credential verify {row['provider']} {owner}"
            yield Finding(Level.WORTH_A_LOOK, f"{name} opens, and was never verified", fix.strip())
        else:
            yield Finding(Level.GOOD, f"{name} opens")
    for one in examination.tenants_without_credential(connection, today()):
        what = f"tenant {one.tenant_id} uses {one.provider}, and there is no credential to read it"
        fix = f"minutebook credential set {one.provider} --tenant {one.tenant_id}"
        shared = " (or without --tenant: the platform's)" if one.is_shared else ""
        yield Finding(Level.WRONG, what, fix + shared)


def _addresses(connection: Connection, settings: Settings) -> Iterator[Finding]:
    used = examination.sources_in_use(connection, today())
    for source in registry().sources.values():
        if source.name in used and not source.needs_credential and source.address not in settings.addresses:
            what = f"{source.name} is to be read, and MINUTEBOOK_{source.address} is not set"
            yield Finding(Level.WRONG, what, f"export MINUTEBOOK_{source.address}=…")


def _partitions(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Of many tenants the Dagster UI shows little more than a month; of shards whatever they hold."""
    active = [row["tenant_id"] for row in tenants.tenants_on(connection, today()) if row["status"] == "active"]
    if not settings.has_shard_partitions:
        if len(active) > MOST_TENANTS_AS_PARTITIONS:
            what = f"{counted(len(active), 'tenant')}, and a partition of the Dagster UI is a tenant's day"
            fix = "set MINUTEBOOK_PARTITIONS=shard for all processes; see docs/scaling.md"
            yield Finding(Level.WORTH_A_LOOK, f"{what}: it has room for little more than a month of them", fix)
        return
    largest, held = max(
        shards.members(active, shards.shards(connection, settings.shards)).items(),
        key=lambda one: len(one[1]),
        default=("", []),
    )
    if len(held) > MOST_TENANTS_OF_A_SHARD:
        what = f"the shard {largest} holds {counted(len(held), 'tenant')}: one of them keeps the day of all others red"
        parts = -(-len(active) // MOST_TENANTS_OF_A_SHARD)
        yield Finding(Level.WORTH_A_LOOK, what, f"set MINUTEBOOK_SHARDS={parts} for all processes; see docs/scaling.md")


def _refused() -> Iterator[Finding]:
    for refused in registry().refused:
        what = f"sources of {refused.name} are not read: {refused.why}"
        yield Finding(Level.WRONG, what, "correct or uninstall that package; see docs/write-a-source.md")


def _fields(connection: Connection) -> Iterator[Finding]:
    if fields.is_cleaning_due(connection):
        what = "raw rows landed before only fields of a contract were stored: they may hold secrets of a provider"
        yield Finding(Level.WRONG, what, "minutebook field clean")
    for source, group in groupby(fields.new_fields(connection), key=lambda row: row["source"]):
        found = list(group)
        named = first_of([row["field"] for row in found], 5)
        what = (
            f"{source} sends {counted(len(found), 'field')} of no contract, not stored: {named}"
            f" (first in account {found[0]['account']} on {day(found[0]['usage_date'])})"
        )
        yield Finding(Level.WORTH_A_LOOK, what, join(["minutebook", "field", "seen", source]))


def _seals(connection: Connection) -> Iterator[Finding]:
    for row in broken_seals(connection):
        what = f"frozen lines of {row['tenant_id']}, {month(row['period_start'])}, no longer match their manifest hash"
        yield Finding(Level.WRONG, what, "look into ledger.audit_log before anything is billed")


def _audit(connection: Connection) -> Iterator[Finding]:
    found = audit_log.verify(connection)
    for fault in found.faults[:1]:
        what = f"the audit log was tampered with: {fault} ({len(found.faults)} in all)"
        yield Finding(Level.WRONG, what, "minutebook audit verify --json; compare with a backup")
    if not found.faults:
        yield Finding(Level.GOOD, f"the audit log is whole: {counted(found.entries, 'entry')}")


def _canary(connection: Connection) -> Iterator[Finding]:
    verdict = canary.verdict(connection)
    if not verdict.is_installed:
        missing = word(Found(Distrust.CANARY_MISSING))
        yield Finding(Level.WORTH_A_LOOK, missing.what, missing.fix)
    elif verdict.finding:
        level, distrust = Level.WRONG if verdict.wrong else Level.WORTH_A_LOOK, word(verdict.finding)
        yield Finding(level, f"nothing is posted: {distrust.what}", distrust.fix)
    else:
        yield Finding(Level.GOOD, "the known-answer tenant's statement is as it was worked out by hand")


def _balance(connection: Connection) -> Iterator[Finding]:
    found = balance.imbalances(connection)
    for one in found:
        unbalanced = word(one.finding())
        what = f"nothing of {one.tenant_id} is approved or posted: {unbalanced.what}"
        yield Finding(Level.WRONG, what, unbalanced.fix)
    if not found:
        yield Finding(Level.GOOD, "the books balance: every line and its corrections sum to what it is rated at now")


def _marts(connection: Connection) -> Iterator[Finding]:
    try:
        require_fresh(connection, today())
    except MartsBehind as error:
        yield Finding(Level.WORTH_A_LOOK, str(error), commands(["build"]))
    else:
        yield Finding(Level.GOOD, "the marts know everything that was pulled and changed")
