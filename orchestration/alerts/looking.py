"""One look at everything that can be wrong, and what became of the alerts: safe to repeat, and several at once."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from orchestration.remedies import word
from orchestration.settings import Settings
from warehouse.database import backup
from warehouse.database.connect import Role, connect
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection
from warehouse.finding import Finding, Subject
from warehouse.operations import alerts, troubles
from warehouse.operations.alerts import Change, Said
from warehouse.operations.troubles import Trouble, Wrong

ENOUGH_DISK, LITTLE_DISK, HARDLY_ANY_DISK = 0.20, 0.15, 0.05
"""Shares of a disk that are left; below the second an alert opens, below the third it is said again, and it ends at the
first, so that what is freed and filled in turn is not said each time."""
Look = Callable[[Connection, datetime], Iterator[Wrong]]


@dataclass(frozen=True)
class Seen:
    """What a look did. unknown: what could not be looked at, and why; its alerts stay as they are. build: the build
    whose checks were looked at, or were before.
    """

    changes: Sequence[Change]
    unknown: Sequence[str]
    build: int | None

    def count(self, change: str) -> int:
        """How many alerts did so: opened, worse, resolved."""
        return sum(one.change == change for one in self.changes)


def look(url: str, settings: Settings, now: datetime, checked: int | None = None) -> Seen:
    """Look at everything, open and end alerts, and write their events down, in one transaction.

    What only a build changes is looked at once for each: not where `checked` is the last one. What cannot be looked at
    (a database that is being migrated, a table that is locked) is left as it was, and touches nothing else.
    """
    said: list[Said] = []
    rules: list[str] = []
    unknown: list[str] = []
    with connect(url, Role.OPERATOR, actor="alerts") as connection:
        alerts.lock(connection)
        build = troubles.last_build(connection)
        for each, decides in _looks(settings, with_checks=checked is None or build != checked):
            try:
                with connection.transaction():
                    found = [_said(wrong) for wrong in each(connection, now)]
            except (psycopg.Error, WarehouseError, OSError) as error:
                unknown.append(f"{', '.join(decides)}: {type(error).__name__}")
                build = checked if decides in troubles.OF_A_BUILD.values() else build
                continue
            said += found
            rules += decides
        changes = alerts.settle(connection, said, rules, now)
    return Seen(changes, unknown, build)


def _looks(settings: Settings, *, with_checks: bool) -> Iterator[tuple[Look, Sequence[Trouble]]]:
    yield from troubles.LOOKS.items()
    if with_checks:
        yield from troubles.OF_A_BUILD.items()
    yield lambda _, __: _disks(settings), (Trouble.DISK,)
    if settings.is_embedded and settings.backup_folder is not None:
        folder = settings.backup_folder
        yield lambda connection, now: _backups(connection, folder, now), (Trouble.BACKUP,)


def _disks(settings: Settings) -> Iterator[Wrong]:
    """The disks that we write on: where the home folder is, and where copies are put."""
    for place, folder in (("home folder", settings.home), ("backup folder", settings.backup_folder)):
        if folder is None:
            continue
        usage = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists()))
        left = usage.free / usage.total
        if left < ENOUGH_DISK:
            level = 2 if left < HARDLY_ANY_DISK else 1 if left < LITTLE_DISK else 0
            facts = {"place": place, "free": usage.free, "total": usage.total}
            yield Wrong(Finding(Trouble.DISK, Subject(ids=(place,)), facts), level)


def _backups(connection: Connection, folder: Path, now: datetime) -> Iterator[Wrong]:
    newest = next((base.ended_at for base in backup.bases(folder)), None)
    is_failing = backup.archiver(connection).is_failing
    if is_failing or newest is None or now - newest > backup.OLD:
        facts = {"newest_at": newest, "is_failing": is_failing}
        yield Wrong(Finding(Trouble.BACKUP, facts=facts), 2 if is_failing else 1)


def _said(wrong: Wrong) -> Said:
    finding = wrong.finding
    words, of = word(finding), finding.subject
    start = str(of.period_start) if of.period_start else None
    subject = "/".join(filter(None, (of.source, start, *of.ids)))
    path = words.link.href if words.link else "/alerts"
    return Said(finding.code.value, of.tenant_id, subject, wrong.level, words.what, words.fix, path)
