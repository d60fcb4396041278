"""One process at a time works on a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


class RunLockedError(ValueError):  # noqa: N818  # reads better where it is caught
    """Another process is working on the run."""


@contextlib.contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Hold a folder until the end; the system lets go of it when this process ends, however it ends.

    The lock is of a kind that forked data workers, which may outlive a killed process by seconds, do not inherit.

    Raises:
        Busy: another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise RunLockedError(f"{folder}: another process is working on this run; wait for it, or end it") from None
        except OSError:  # a file system without locks
            pass
        yield
