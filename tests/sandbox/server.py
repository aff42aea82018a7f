"""The sandbox's one HTTP server: every provider under a path of its own, on a free port of 127.0.0.1."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.sandbox import anthropic, azure, cartesia, deepgram, elevenlabs, openai, openrouter, twilio, vapi, voiceflow
from tests.sandbox.faults import Faults, FaultyApp
from tests.sandbox.world import Received, World


@dataclass
class Sandbox:
    """A running sandbox. `received` is every request so far, in order of arrival."""

    url: str
    world: World
    faults: Faults
    received: list[Received] = field(default_factory=list)

    @property
    def vapi_url(self) -> str:
        return f"{self.url}/vapi"

    @property
    def voiceflow_url(self) -> str:
        return f"{self.url}/voiceflow"

    def url_of(self, provider: str) -> str:
        """Where a provider is."""
        return f"{self.url}/{provider}"

    def asked(self, path: str) -> list[Received]:
        """The requests of one path: `/vapi/call`, `/vapi/analytics`, `/voiceflow/v2/query/usage`."""
        return [received for received in self.received if received.path == path]


@contextmanager
def serving(world: World, port: int = 0) -> Iterator[Sandbox]:
    """Serves the world, which may change meanwhile, from a thread of this process."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    sandbox = Sandbox(f"http://127.0.0.1:{listener.getsockname()[1]}", world, Faults())
    app = Starlette(
        routes=[
            Mount("/vapi", routes=vapi.routes(world)),
            Mount("/voiceflow", routes=voiceflow.routes(world)),
            Mount("/openai", routes=openai.routes(world.openai)),
            Mount("/anthropic", routes=anthropic.routes(world.anthropic)),
            Mount("/azure", routes=azure.routes(world.azure)),
            Mount("/openrouter", routes=openrouter.routes(world.openrouter)),
            Mount("/twilio", routes=twilio.routes(world.twilio)),
            Mount("/deepgram", routes=deepgram.routes(world.deepgram)),
            Mount("/elevenlabs", routes=elevenlabs.routes(world.elevenlabs)),
            Mount("/cartesia", routes=cartesia.routes(world.cartesia)),
        ]
    )
    faulty = FaultyApp(app, sandbox.faults, sandbox.received)
    config = uvicorn.Config(
        faulty, log_config=None, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    listener.listen(1024)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield sandbox
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
