"""Lock that lets one process at a time work on a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


class RunLockedError(ValueError):
    """Another process is working on the run."""


@contextlib.contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder. The operating system releases it if this process dies.

    POSIX record locks are not inherited by forked data workers, which can outlive a killed process by seconds.

    Raises:
        RunLockedError: Another process holds the lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise RunLockedError(
                f"{folder}: another process is working on this run. Wait for it to finish, or stop it."
            ) from None
        except OSError:  # file system without locks
            pass
        yield
