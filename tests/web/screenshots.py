"""`make screenshots`: the pictures in the README, of the story's tenants, drawn by headless Chromium.

python -m tests.web.screenshots [folder, default docs/images]
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from orchestration.installing import install as migrate
from tests.web import world
from tests.web.browser import CHROMIUM, screenshot
from tests.web.server import serving
from tests.web.signing import PASSWORD, sign_in
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import web_logins

PICTURES = (
    ("periods", "ana", "/periods", 900),
    ("statement", "ana", "/periods/delta-legal/2026-10-01", 1080),
    ("days", "otto", "/days", 1060),
    ("usage", "tina", "/usage/2026-10-01", 1080),
)


def main() -> int:
    if CHROMIUM is None:
        print("no Chromium here: install one, then make screenshots", file=sys.stderr)
        return 1
    images = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images").absolute()
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        tenants = world.build(url, len(world.NAMES))
        with connect(url, Role.SERVER) as connection:
            for login, role, tenant in (
                ("ana", "finance", None),
                ("otto", "operator", None),
                ("tina", "tenant", tenants[2]),
            ):
                web_logins.add_login(connection, login, role, tenant)  # type: ignore[arg-type]
                web_logins.set_password(connection, login, PASSWORD)
        with serving(url, Path(folder), world.TODAY) as address, ExitStack() as clients:
            signed_in: dict[str, httpx.Client] = {}
            for name, login, path, height in PICTURES:
                if login not in signed_in:
                    signed_in[login] = clients.enter_context(httpx.Client(base_url=address, timeout=60))
                    sign_in(signed_in[login], login)
                screenshot(Path(folder), signed_in[login], path, (1280, height), images / f"{name}.png")
                print(images / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
