"""minutebook backup and restore: the embedded server, to any moment; another one: docs/back-up-and-restore.md."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, print_json, say
from orchestration.cli.session import CommandFailed, session
from orchestration.installing import install
from orchestration.settings import Settings
from sources.text import said_moment
from warehouse import clock
from warehouse.database import backup as backups
from warehouse.database.connect import Role, connect
from warehouse.words import counted

app = typer.Typer()
_FOLDER = "MINUTEBOOK_BACKUP_FOLDER"


def parse_moment(text: str) -> datetime:
    """A moment with its offset, such as 2026-11-29T13:45:00Z."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(f"'{text}' is no moment; write one with its offset, such as 2026-11-29T13:45:00Z")


@command(app, "backup", "minutebook backup --keep 7")
def backup(
    ctx: typer.Context,
    keep: Annotated[int, typer.Option(min=1, help="How many copies stay, with the log since the oldest.")] = 7,
    as_json: Json = False,
) -> None:
    """Copy the embedded server's data while it runs, check the copy, and delete copies that are too many.

    With the log that the server archives between copies, any moment since the oldest can be restored. Master keys are
    not in it: keep them elsewhere.
    """
    settings = session(ctx).settings
    folder = _folder(settings)
    with settings.database() as url:
        with connect(url, Role.OWNER) as owner:
            archiver = backups.archiver(owner)
        base = backups.take(url, folder)
    gone = backups.prune(folder, keep)
    if as_json:
        print_json({"copy": base.path, "is_archiving": archiver.is_on, "deleted": [one.path for one in gone]})
    else:
        say(f"copied and checked: {base.path}")
        say(f"deleted: {counted(len(gone), 'older copy')}; kept: {keep}")
        say("master keys are not in it; without them no stored credential opens")
    if not archiver.is_on:
        raise CommandFailed(
            f"the server was started without {_FOLDER}, so only this moment can be restored: stop minutebook up and"
            " serve, and start them with it"
        )
    if archiver.is_failing:
        raise CommandFailed(f"the server cannot archive its log in {folder / 'wal'}: look at its disk and its rights")
    if not as_json:
        next_step(
            "copy the folder to another machine; once in a while: minutebook restore into another MINUTEBOOK_HOME"
        )


@command(app, "restore", "minutebook restore --at 2026-11-29T13:45:00Z")
def restore(
    ctx: typer.Context,
    at: Annotated[
        datetime | None,
        typer.Option(parser=parse_moment, metavar="MOMENT", help="UTC or with an offset; default: the last archived."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the embedded server back to a moment. What was there is kept beside it; nothing else may use the server.

    What Stripe got after that moment is found there again by its identifiers, and nothing is billed twice; what was
    pulled after it is pulled again. Keys and logins that were revoked after it are to be revoked again.
    """
    settings = session(ctx).settings
    folder = _folder(settings)
    if at is not None and at > clock.now():
        raise CommandFailed(f"{said_moment(at)} is to come")
    base = backups.restore(folder, settings.home, at)
    with settings.database() as url:
        install(url)
    if as_json:
        print_json({"copy": base.path, "at": at})
        return
    say(f"restored from {base.path}" + (f" to {said_moment(at)}" if at else " to the last archived moment"))
    next_step("minutebook doctor, minutebook pull again, minutebook build, minutebook post, minutebook reconcile")


def _folder(settings: Settings) -> Path:
    if not settings.is_embedded:
        raise CommandFailed(
            "the database is a server of your own: back it up with its own means, see docs/back-up-and-restore.md"
        )
    if settings.backup_folder is None:
        raise CommandFailed(f"{_FOLDER} says where copies are kept, on another disk: export it, and restart what runs")
    return settings.backup_folder
