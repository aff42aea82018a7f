"""Passwords are hashed in threads of their own that yield to everything else on the machine."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from warehouse.security import web_logins

_NICE = 10


def _step_back() -> None:
    with suppress(OSError, AttributeError):  # of this thread alone, where the system knows such a thing
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


_THREADS = ThreadPoolExecutor(2, "hashing", _step_back)


async def hashed(password: str) -> str:
    """`web_logins.hashed`, while other requests go on."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, web_logins.hashed, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """`web_logins.is_password`, while other requests go on."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, web_logins.is_password, password, password_hash)
