"""File writes that leave nothing half-written, and errors that name the file."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a full disk, an exhausted quota, and a file that is larger than is allowed."""


BUFFER_BYTES = 2**20
"""Libraries write in small pieces; they are collected until there are as many bytes."""


class WriteError(OSError):
    """A file can't be written. `filename` is the file that a caller asked for, not a temporary one."""


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that replaces `path` on success, so readers see either the old or the new content.

    This also holds after a power failure. If writing fails, the old file stays. On Linux, the new file has no name
    until it is complete, so a killed process leaves nothing behind. Missing parent folders are created.

    Raises:
        WriteError: The file can't be written, also where a library reports this by an error of another kind.
    """
    with name_file_in_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
        descriptor, temporary = _create(path)
    raw = _RawFile(descriptor, "wb")
    file = _Writer(raw, BUFFER_BYTES)
    try:
        yield file
        with name_file_in_errors(path):
            file.flush()
            os.fsync(descriptor)
            if temporary is None:
                _link(descriptor, path)
            else:
                temporary.chmod(0o644)
                temporary.replace(path)
    except BaseException:
        if raw.error is not None:
            with name_file_in_errors(path):
                raise raw.error from None
        raise
    finally:
        with contextlib.suppress(OSError):
            file.close()
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def append(path: Path) -> Iterator[IO[str]]:
    """Open a text file to append to it. If writing fails, what was appended so far is removed again.

    Raises:
        WriteError: The file can't be written.
    """
    with name_file_in_errors(path), path.open("a", encoding="utf-8", newline="") as file:
        size = file.tell()
        try:
            yield file
            file.flush()
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), size)
            raise


@contextlib.contextmanager
def name_file_in_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a WriteError that names the file."""
    try:
        yield
    except OSError as error:
        raise WriteError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from None


def explain_write_error(error: OSError) -> str | None:
    """Say which file can't be written, why, and what to do; None if the error is about something else."""
    if not isinstance(error, WriteError) and error.errno not in (*NO_SPACE, errno.EROFS):
        return None
    remedy = "Free some space, then repeat the command" if error.errno in NO_SPACE else "Choose another folder"
    return f"{error.filename or 'output'}: can't be written ({error.strerror}). {remedy}."


class _RawFile(io.FileIO):
    """Remembers why a write failed, because libraries replace the error with one that does not say why."""

    error: OSError | None = None

    def write(self, data: Any, /) -> Any:
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


class _Writer(io.BufferedWriter):
    """Hides the file descriptor, so that libraries write through `_RawFile`."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def _create(path: Path) -> tuple[int, Path | None]:
    """Create a file next to `path`: without a name where the file system can, otherwise with a temporary one."""
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        with contextlib.suppress(OSError):
            return os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o644), None
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    return descriptor, Path(name)


def _link(descriptor: int, path: Path) -> None:
    """Give an unnamed file the name `path`. A link can't replace a file, so this takes a second, temporary name.

    The temporary name is always the same, so that the next write to `path` removes what a killed process left. A lock
    tells its file from that of a process that is still alive.
    """
    import fcntl

    temporary = path.with_name(f".{path.name}.tmp")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        while True:
            try:
                # without the descriptor of a folder, Python would link the symbolic link itself
                os.link(f"/proc/self/fd/{descriptor}", temporary.name, dst_dir_fd=folder)
                break
            except FileExistsError:
                _unlink_unless_locked(temporary)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise
    finally:
        os.close(folder)


def _unlink_unless_locked(file: Path) -> None:
    import fcntl

    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process or thread is about to rename it
            time.sleep(0.001)
        else:
            if file.stat().st_ino == os.fstat(opened.fileno()).st_ino:
                file.unlink()
