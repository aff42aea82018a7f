"""minutebook worker: does runs on this host, until Ctrl-C."""

import importlib.util
import os
import socket
from typing import Annotated

import typer

from orchestration.cli.options import command
from orchestration.cli.output import next_step, say
from orchestration.cli.session import CommandFailed, session
from warehouse.database.connect import Role, connect
from warehouse.install import require_release

app = typer.Typer()


@command(app, "worker", "minutebook worker --at-once 4")
def worker(
    ctx: typer.Context,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="Runs at once, each a process.")] = 2,
    queue: Annotated[
        list[str] | None, typer.Option(help="A queue to take runs from; once for each. Default: minutebook.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The worker's name in logs; default: this host's.")] = None,
) -> None:
    """Take runs that minutebook up on another host launches, where MINUTEBOOK_BROKER_URL is the same Redis for both.

    What a run prints is printed here. On Ctrl-C or SIGTERM nothing more is taken, and what is at work comes to its end.
    """
    settings = session(ctx).settings
    if settings.broker_url is None or settings.is_embedded:
        raise CommandFailed(
            "a worker needs MINUTEBOOK_BROKER_URL and MINUTEBOOK_DATABASE_URL, as the host of minutebook up has them"
        )
    if importlib.util.find_spec("celery") is None:
        raise CommandFailed("Celery is not installed here: it is in the image and in what `make install` makes")
    from orchestration.dagster_internals import home as dagster_home

    with settings.database() as url:
        with connect(url, Role.OPERATOR) as connection:
            require_release(connection)
        settings.vault()
        os.environ |= dagster_home.environment(url, settings.home, has_hosts=True)

    importlib.import_module("orchestration.definitions")  # before the worker forks, so that a run begins at once
    from orchestration.dagster_internals import hosts

    queues = queue or [hosts.QUEUE]
    say(f"taking runs of {', '.join(queues)}, {at_once} at once")
    next_step("launch a run in the Dagster UI; Ctrl-C stops this worker once its runs have ended")
    hosts.application(settings.broker_url).worker_main(
        [
            "worker", "--pool", "prefork", "--concurrency", str(at_once), "--queues", ",".join(queues),
            "--hostname", name or socket.gethostname(), "--loglevel", "info",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]
    )  # fmt: skip
