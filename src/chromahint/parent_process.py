"""Processes that end when the process that started them is killed."""

from __future__ import annotations

import os
import signal
import threading
import time

PARENT = "CHROMAHINT_PARENT_PID"
"""Environment variable with the ID of the process that started this one."""
POLL_SECONDS = 1.0


def environment_for_children() -> dict[str, str]:
    """Return the environment of this process, with its own ID as that of the parent."""
    return os.environ | {PARENT: str(os.getpid())}


def end_with_parent(parent: int | None = None) -> None:
    """Watch the parent process from a thread; once it is gone, end this process as SIGTERM does.

    Args:
        parent: The ID of the process that started this one, which may have died before this call. By default, the one
            that the environment names, or else the present parent.
    """
    parent = parent or int(os.environ.pop(PARENT, 0)) or os.getppid()
    threading.Thread(target=_watch, args=(parent,), name="end-with-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
