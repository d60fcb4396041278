"""Colors many photos of a project one after the other: into a zip file, or beside their originals."""

from __future__ import annotations

import asyncio
import io
import secrets
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from chromahint.atomic_write import WriteError, atomic_write, explain_write_error
from chromahint.studio.project import Project
from chromahint.studio.project_files import COLORED, output_suffix
from chromahint.studio.work_queue import WorkQueue

_MAX_EXPORTS = 8
_RETRY_SECONDS = 1.0

State = Literal["waiting", "running", "finished", "stopped"]


class Export:
    """Colors the given photos of a project, at full size.

    Args:
        queue: Runs the work.
        project: The project.
        keys: Keys of its photos.
    """

    def __init__(self, queue: WorkQueue, project: Project, keys: list[str]) -> None:
        self._queue = queue
        self.project = project
        self._files = [(key, project.file(key)) for key in keys]
        self._state: State = "waiting"
        self._done = 0
        self._failed: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def progress(self) -> dict[str, Any]:
        """Return what the page shows."""
        return {"state": self._state, "done": self._done, "total": len(self._files), "failed": self._failed}

    async def zip_chunks(self) -> AsyncIterator[bytes]:
        """Yield the parts of a zip file while its photos are colored; it never lies in memory or on disk as a whole."""
        buffer = _Pieces()
        names: set[str] = set()
        with zipfile.ZipFile(buffer, "w") as archive:  # photos are compressed already
            async for file, data in self._colored():
                archive.writestr(_unused(f"{file.stem}{COLORED}{output_suffix(file)}", names), data)
                yield buffer.take()
        yield buffer.take()

    def write_beside(self) -> None:
        """Save the colored photos in the folders of the originals, in the background."""
        if self._state == "waiting" and self._task is None:
            self._task = asyncio.create_task(self._write_beside())

    def stop(self) -> None:
        """Stop before the next photo."""
        if self._state in ("waiting", "running"):
            self._state = "stopped"

    async def _write_beside(self) -> None:
        async for file, data in self._colored():
            target = file.with_name(f"{file.stem}{COLORED}{output_suffix(file)}")
            try:
                await run_in_threadpool(_write, target, data)
            except WriteError as error:
                self._failed.append(explain_write_error(error) or str(error))
                self.stop()

    async def _colored(self) -> AsyncIterator[tuple[Path, bytes]]:
        """Yield the photos and their colored versions; those that can't be colored are noted."""
        if self._state == "waiting":
            self._state = "running"
        try:
            for key, file in self._files:
                if self._state != "running":
                    return
                try:
                    data = await self._color(key, file)
                except (ValueError, KeyError) as error:
                    self._failed.append(str(error.args[0]) if isinstance(error, KeyError) else str(error))
                else:
                    yield file, data
                self._done += 1
            self._state = "finished"
        finally:
            self.stop()  # the client has left

    async def _color(self, key: str, file: Path) -> bytes:
        session = await run_in_threadpool(self.project.session, key)
        while True:
            try:
                return await self._queue.run(
                    lambda workspace: workspace.color_file(file, session), self._queue.download_turn()
                )
            except HTTPException:  # busy: people who wait in front of the page come first
                await asyncio.sleep(_RETRY_SECONDS)


class Exports:
    """The exports that were started last."""

    def __init__(self) -> None:
        self._exports: OrderedDict[str, Export] = OrderedDict()

    def add(self, export: Export) -> str:
        """Keep an export; returns its id. Beyond a limit, the oldest one is stopped."""
        export_id = secrets.token_urlsafe(12)
        self._exports[export_id] = export
        while len(self._exports) > _MAX_EXPORTS:
            self._exports.popitem(last=False)[1].stop()
        return export_id

    def get(self, export_id: str) -> Export:
        """Return an export.

        Raises:
            KeyError: The id is unknown.
        """
        if export_id not in self._exports:
            raise KeyError("export: no longer known. Start it again.")
        return self._exports[export_id]


class _Pieces(io.RawIOBase):
    """A file that can only be written, from which what was written is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


def _unused(name: str, used: set[str]) -> str:
    """Return a name that differs from others also where upper and lower case are the same, and note it."""
    path, number, candidate = Path(name), 1, name
    while candidate.lower() in used:
        number += 1
        candidate = f"{path.stem} ({number}){path.suffix}"
    used.add(candidate.lower())
    return candidate


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path) as file:
        file.write(data)
