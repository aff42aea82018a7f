"""`python -m tests.sandbox [FIRST_MONTH]`: serves the story until interrupted, and prints what to ask it with."""

import signal
import sys
from datetime import date, timedelta
from threading import Event

from tests.sandbox import clients
from tests.sandbox.server import serving
from tests.sandbox.story import Story
from warehouse import clock


def three_months_ago() -> date:
    """The first of the month three months before this one: the story then ends with last month."""
    first = clock.today().replace(day=1)
    for _ in range(3):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def main(arguments: list[str]) -> None:
    story = Story(date.fromisoformat(f"{arguments[0]}-01"[:10]) if arguments else three_months_ago())
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # set here, for a shell lets its background jobs ignore SIGINT
        signal.signal(number, lambda *_: stopped.set())
    with serving(story.world) as sandbox:
        print(f"export MINUTEBOOK_VAPI_URL={sandbox.vapi_url}")
        print(f"export MINUTEBOOK_VOICEFLOW_URL={sandbox.voiceflow_url}")
        print(f"# days {story.first_day} to {story.days[-1]}; platform Vapi key {clients.PLATFORM_VAPI_KEY}")
        for tenant in clients.TENANTS:
            keys = {"vapi": tenant.vapi_key, "voiceflow": tenant.voiceflow_key}
            reported = ", ".join(f"{provider} key {key}" for provider, key in keys.items() if key)
            print(f"# {tenant.tenant_id}: {reported or 'on the platform account'}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
