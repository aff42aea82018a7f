"""`make demo`: three months of the story, from the providers' HTTP to statements, by the commands a person types.

Everything it makes stays under .minutebook-demo, so that `minutebook up` can be pointed at it afterwards.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pyotp
from sqlalchemy.engine import make_url

from tests.sandbox.__main__ import three_months_ago
from tests.sandbox.files import keys, write_files
from tests.sandbox.server import serving
from tests.sandbox.story import Story
from tests.sandbox.usage_database import write_usage
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import second_factors
from warehouse.security.master_keys import generated_master_keys
from warehouse.security.vault import Vault

HOME = Path(".minutebook-demo")
FINANCE, CLIENT, PASSWORD = "ana@agency.example", "bo@harbor.example", "look at the demo"
MINUTEBOOK = Path(sys.executable).with_name("minutebook")


def main() -> None:
    """Tells the story; exits 1 if a command ends otherwise than the story says."""
    started = time.monotonic()
    story = Story(three_months_ago())
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "tenants").mkdir(parents=True)
    with running(HOME) as url, serving(story.world) as sandbox:
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("MINUTEBOOK_") or name == clock.OFFSET
            },
            "MINUTEBOOK_HOME": str(HOME),
            "MINUTEBOOK_VAPI_URL": sandbox.vapi_url,
            "MINUTEBOOK_VOICEFLOW_URL": sandbox.voiceflow_url,
            "MINUTEBOOK_USAGE_DATABASE_URL": the_platforms_database(url, story),
        }
        demo = Demo(environment)
        demo.tell("Tenants from files, their keys from standard input")
        demo.run("init")
        for file in write_files(HOME / "tenants", story.first_day):
            demo.run("tenant", "apply", str(file), is_quiet=True)
        for provider, tenant_id, key in keys():
            owner = ["--tenant", tenant_id] if tenant_id else []
            demo.run("credential", "set", provider, *owner, secret=key, is_quiet=True)

        demo.tell("Three months of every tenant; one key was revoked, and stops nobody else")
        demo.run("pull", "--from", str(story.first_day), "--to", str(story.days[-1]), fails=True)
        demo.tell(
            "One day is restated, another emptied; what a provider may only have forgotten is not believed at once"
        )
        story.restate()
        story.empty_a_day()
        restated, emptied = str(story.restated_day), str(story.emptied_day)
        demo.run("pull", "--tenant", "harbor-dental", "--from", restated, "--to", restated)
        demo.run("pull", "--tenant", "harbor-dental", "--from", emptied, "--to", emptied, fails=True)
        demo.run("pull", "--tenant", "harbor-dental", "--from", emptied, "--to", emptied, "--accept-loss")

        demo.tell("From raw answers to statements")
        demo.run("build")
        period = f"{story.months[-1][0]:%Y-%m}"
        demo.run("review", period)

        demo.tell("Who may look: finance of the agency, and a client")
        demo.run("brand", "set", "--name", "Voice Agency", "--accent", "#7a1f66", is_quiet=True)
        demo.run("login", "create", FINANCE, "--role", "finance", secret=PASSWORD, is_quiet=True)
        client = ("--role", "tenant", "--tenant", "harbor-dental")
        demo.run("login", "create", CLIENT, *client, secret=PASSWORD, is_quiet=True)
        codes = second_factor(url)
    command = f"MINUTEBOOK_HOME={HOME} {MINUTEBOOK.relative_to(Path.cwd())}"
    print(f"\nDone in {time.monotonic() - started:.0f} s. Where to look next:")
    print(f"  {command} serve   the pages, until Ctrl-C:")
    print(f"    http://127.0.0.1:8400/periods?month={period}   finance's month")
    print(f'      login {FINANCE}, password "{PASSWORD}", then one of the codes {" ".join(codes[:3])}')
    print(f"    http://127.0.0.1:8400/usage/{period}-01        what a client sees")
    print(f'      login {CLIENT}, password "{PASSWORD}"')
    print(f"  {command} review {period} --lines   every line of every statement")
    print(f"  {command} up                        the Dagster UI on this data")


def second_factor(url: str) -> list[str]:
    """Give finance's login an authenticator that nobody holds; its recovery codes, each good once."""
    vault = Vault(generated_master_keys(HOME / "master_keys"))
    with connect(url, Role.SERVER, actor="demo") as door:
        secret = second_factors.proposed(vault, door, FINANCE, "")
        return second_factors.confirm(vault, door, FINANCE, pyotp.TOTP(secret).at(clock.now())) or []


def the_platforms_database(url: str, story: Story) -> str:
    """A database of the platform's own beside ours, as in production; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database platform")
    platform = make_url(url).set(database="platform").render_as_string(hide_password=False)
    write_usage(platform, story.metric_rows)
    return platform


class Demo:
    """Prints each command and what it says."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def tell(self, sentence: str) -> None:
        """A heading."""
        print(f"\n— {sentence}", flush=True)

    def run(self, *arguments: str, secret: str | None = None, fails: bool = False, is_quiet: bool = False) -> None:
        """Run a command as a person would; its exit code must be the expected one."""
        what = "password" if arguments[0] == "login" else "key"
        print(f"$ minutebook {shlex.join(arguments)}{f' < {what}' if secret else ''}", flush=True)
        done = subprocess.run(
            [str(MINUTEBOOK), *arguments],
            env=self._environment,
            input=secret or "",
            text=True,
            capture_output=True,
        )
        if not is_quiet or done.returncode:
            print(done.stdout, end="", flush=True)
        if (done.returncode != 0) != fails:
            sys.exit(
                f"demo: expected {'a failure' if fails else 'success'}, got exit code {done.returncode}\n{done.stderr}"
            )


if __name__ == "__main__":
    main()
