"""Runs the work of requests in threads: in turns, and only as much as can be done soon."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from chromahint.studio.model_list import ModelList

if TYPE_CHECKING:
    from chromahint.studio.workspace import Workspace

T = TypeVar("T")

_MAX_PENDING = 32


class WorkQueue:
    """Runs tasks with a workspace, which is created in the background.

    Args:
        models: the models to offer.
        device: device to run them on.
    """

    def __init__(self, models: ModelList, device: str) -> None:
        self._models = models
        self._device = device
        self._workspace: asyncio.Task[Workspace] | None = None
        self._pending = 0
        self._network_lock = asyncio.Lock()
        self._download_lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Create the workspace in the background."""
        self._workspace = asyncio.create_task(run_in_threadpool(self._create_workspace))
        yield

    def _create_workspace(self) -> Workspace:
        from chromahint.studio.workspace import Workspace

        workspace = Workspace(self._models, self._device)
        workspace.warm_up()
        return workspace

    async def run(self, task: Callable[[Workspace], T], turn: AbstractAsyncContextManager[None] | None = None) -> T:
        """Run a task in a thread, during its turn. The queue is short: a client that waits for long has lost interest.

        Raises:
            ClientDisconnect: the client has left before its turn.
        """
        if self._pending >= _MAX_PENDING:
            raise HTTPException(503, "The studio is busy. Try again in a moment.", {"retry-after": "1"})
        self._pending += 1
        try:
            assert self._workspace is not None
            workspace = await asyncio.shield(self._workspace)
            async with turn or contextlib.nullcontext():
                return await run_in_threadpool(functools.partial(task, workspace))
        finally:
            self._pending -= 1

    def network_turn(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Return the turn of a request that runs a network."""
        return _turn(self._network_lock, request)

    def download_turn(self, request: Request | None = None) -> AbstractAsyncContextManager[None]:
        """Return the turn of a request, or of a task without one, that colors a photo at its full size."""
        return _turn(self._download_lock, request)


@contextlib.asynccontextmanager
async def _turn(lock: asyncio.Lock, request: Request | None) -> AsyncIterator[None]:
    """Hold a lock. Waiting for it takes no thread, and ends if the client leaves."""
    if request is None:
        async with lock:
            yield
        return
    entering, leaving = asyncio.create_task(lock.acquire()), asyncio.create_task(_wait_until_client_leaves(request))
    try:
        await asyncio.wait((entering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            raise ClientDisconnect
        yield
    finally:
        leaving.cancel()
        if not entering.cancel():
            lock.release()


async def _wait_until_client_leaves(request: Request) -> None:
    """Wait until the client disconnects. The body of the request must have been read, or is ignored."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
