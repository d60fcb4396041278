"""The HTTP API of the studio: one method per route."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.model_list import PREVIEW_SIZES, SAMPLES, ModelList
from chromahint.studio.security import SecurityMiddleware

if TYPE_CHECKING:
    from chromahint.studio.workspace import RawTensor, Workspace

T = TypeVar("T")

STUDIO_ASSETS = Path(__file__).with_name("assets")
DESCRIPTION = Path(__file__).with_name("openapi.yaml")
MAX_FILE_BYTES = 100 * 2**20
_MAX_HINT_BYTES = 2 * 2**20
_MAX_PENDING = 32
_MAX_UPLOAD_BYTES = 3 * MAX_FILE_BYTES
"""Total of all files that are being received or opened."""
_BODY_TIMEOUT = 60.0
"""Seconds in which the body of a request must arrive."""
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def create_app(
    models: ModelList, device: str = "auto", photo: Path | None = None, token: str | None = None
) -> Starlette:
    """Create the web application. It starts serving the page at once, and imports torch in the background.

    Args:
        models: the models to offer.
        device: device to run them on.
        photo: photo to open at once.
        token: secret that clients must present; None accepts only requests from this machine.
    """
    studio = Studio(models, device, photo)
    routes = [
        Route("/", studio.page),
        Route("/assets/{name}", studio.asset),
        Route("/api/openapi.yaml", studio.description),
        Route("/api/config", studio.config),
        Route("/api/photos", studio.open_photo, methods=["POST"]),
        Route("/api/samples/{name}", studio.open_sample, methods=["POST"]),
        Route("/api/samples/{name}/thumbnail", studio.sample_thumbnail),
        Route("/api/initial-photo", studio.open_initial_photo, methods=["POST"]),
        Route("/api/photos/{photo}/gray", studio.gray),
        Route("/api/photos/{photo}/original", studio.original),
        Route("/api/photos/{photo}/network-input", studio.network_input),
        Route("/api/photos/{photo}/colors", studio.colors, methods=["POST"]),
        Route("/api/photos/{photo}/hints", studio.parse_hint_file, methods=["POST"]),
        Route("/api/photos/{photo}/download", studio.download, methods=["POST"]),
        Route("/api/photos/{photo}/suggestions", studio.suggestions, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(SecurityMiddleware, token=token)],
        lifespan=studio.lifespan,
        exception_handlers={
            HTTPException: _on_http_exception,
            ValueError: _on_value_error,
            KeyError: _on_key_error,
            ClientDisconnect: _on_disconnect,
        },
    )


class Studio:
    """Handles requests with a workspace."""

    def __init__(self, models: ModelList, device: str, initial_photo: Path | None) -> None:
        self._models = models
        self._device = device
        self._initial_photo = initial_photo
        self._assets = {path.name: path.read_bytes() for path in STUDIO_ASSETS.iterdir() if path.suffix in _MEDIA_TYPES}
        self._workspace: asyncio.Task[Workspace] | None = None
        self._pending = 0
        self._upload_bytes = 0
        self._network_turn = asyncio.Lock()
        self._download_turn = asyncio.Lock()

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

    async def page(self, request: Request) -> Response:
        """Return the page."""
        return Response(self._assets["index.html"], media_type="text/html")

    async def asset(self, request: Request) -> Response:
        """Return a script or style sheet of the page, from memory."""
        name = request.path_params["name"]
        if name not in self._assets:
            raise HTTPException(404)
        return Response(self._assets[name], media_type=_MEDIA_TYPES[Path(name).suffix])

    async def description(self, request: Request) -> Response:
        """Return the OpenAPI description of this API."""
        return Response(DESCRIPTION.read_bytes(), media_type="application/yaml")

    async def config(self, request: Request) -> Response:
        """Return the available models, samples, and preview sizes."""
        models = await run_in_threadpool(self._models.choices)
        initial_photo = None if self._initial_photo is None else self._initial_photo.name
        return JSONResponse(
            {
                "models": models,
                "samples": list(SAMPLES),
                "initial_photo": initial_photo,
                "preview_sizes": list(PREVIEW_SIZES),
            }
        )

    async def open_photo(self, request: Request) -> Response:
        """Open an uploaded photo."""
        reserved = 0

        def reserve(size: int) -> None:
            nonlocal reserved
            if self._upload_bytes + size > _MAX_UPLOAD_BYTES:
                raise HTTPException(503, "Other photos are being opened. Try again in a moment.", {"retry-after": "1"})
            self._upload_bytes += size
            reserved += size

        try:
            data = await _read_body(request, MAX_FILE_BYTES, reserve)
            name = request.query_params.get("name", "photo")[:200]
            return JSONResponse(await self._run(lambda workspace: workspace.open_photo(data, name)))
        finally:
            self._upload_bytes -= reserved

    async def open_sample(self, request: Request) -> Response:
        """Open a sample photo."""
        name = request.path_params["name"]
        return JSONResponse(await self._run(lambda workspace: workspace.open_sample(name)))

    async def sample_thumbnail(self, request: Request) -> Response:
        """Return a small version of a sample photo."""
        return Response(await run_in_threadpool(_thumbnail, request.path_params["name"]), media_type="image/jpeg")

    async def open_initial_photo(self, request: Request) -> Response:
        """Open the photo given on the command line."""
        path = self._initial_photo
        if path is None:
            raise HTTPException(404)
        return JSONResponse(await self._run(lambda workspace: workspace.open_file(path)))

    async def gray(self, request: Request) -> Response:
        """Return the photo in gray."""
        photo_id = request.path_params["photo"]
        data, media_type = await self._run(lambda workspace: workspace.photo(photo_id).gray())
        return Response(data, media_type=media_type)

    async def original(self, request: Request) -> Response:
        """Return the photo in its original colors."""
        photo_id = request.path_params["photo"]
        data, media_type = await self._run(lambda workspace: workspace.photo(photo_id).original())
        return Response(data, media_type=media_type)

    async def network_input(self, request: Request) -> Response:
        """Return the lightness that a network sees, as float32."""
        target = _target(request)
        turn = _turn(self._network_turn, request)
        return _raw_response(await self._run(lambda workspace: workspace.network_input(*target), turn))

    async def colors(self, request: Request) -> Response:
        """Return the colors of a network for the hints in the body, at the size of the network input."""
        target, hints = _target(request), await _read_body(request, _MAX_HINT_BYTES)
        turn = _turn(self._network_turn, request)
        return _raw_response(await self._run(lambda workspace: workspace.colors(*target, hints), turn))

    async def parse_hint_file(self, request: Request) -> Response:
        """Return the points and strokes of a hint file in pixels of the photo."""
        photo_id, text = request.path_params["photo"], await _read_body(request, _MAX_HINT_BYTES)
        return JSONResponse(await self._run(lambda workspace: workspace.parse_hint_file(photo_id, text)))

    async def download(self, request: Request) -> Response:
        """Return the colored photo at its full size."""
        photo_id, model, _ = _target(request)
        suffix, hints = request.query_params.get("suffix", ".png"), await _read_body(request, _MAX_HINT_BYTES)
        turn = _turn(self._download_turn, request)
        data = await self._run(lambda workspace: workspace.render(photo_id, model, suffix, hints), turn)
        return Response(data, media_type="application/octet-stream")

    async def suggestions(self, request: Request) -> Response:
        """Return suggested colors for a pixel."""
        (photo_id, model, _), hints = _target(request), await _read_body(request, _MAX_HINT_BYTES)
        x, y = (_integer(request, name) for name in "xy")
        turn = _turn(self._network_turn, request)
        return JSONResponse(await self._run(lambda workspace: workspace.suggest(photo_id, model, x, y, hints), turn))

    async def _run(self, task: Callable[[Workspace], T], turn: AbstractAsyncContextManager[None] | None = None) -> T:
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


@contextlib.asynccontextmanager
async def _turn(lock: asyncio.Lock, request: Request) -> AsyncIterator[None]:
    """Hold a lock. Waiting for it takes no thread, and ends if the client leaves."""
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


def _thumbnail(name: str) -> bytes:
    from chromahint.studio.samples import thumbnail

    return thumbnail(name)


def _target(request: Request) -> tuple[str, str, str]:
    """Return the photo, model, and size that a request is about."""
    query = request.query_params
    return request.path_params["photo"], query.get("model", ""), query.get("size", "native")


def _integer(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise ValueError(f"{name}={text:.20}: must be a pixel of the photo, as an integer.")
    return int(text)


async def _read_body(request: Request, max_bytes: int, reserve: Callable[[int], None] | None = None) -> bytes:
    """Read the body of a request, within limits of size and time.

    Args:
        request: the request.
        max_bytes: maximum size.
        reserve: called with the size of each part; raises an error if there is no memory for it.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.stream():
                data += chunk
                if len(data) > max_bytes:
                    raise HTTPException(413, f"This file is too large: at most {max_bytes // 2**20} MB are allowed.")
                if reserve is not None:
                    reserve(len(chunk))
    except TimeoutError:
        detail = f"This request took longer than {_BODY_TIMEOUT:.0f} seconds to arrive. Try again."
        raise HTTPException(408, detail, {"connection": "close"}) from None
    return bytes(data)


def _raw_response(tensor: RawTensor) -> Response:
    headers = {"x-height": str(tensor.height), "x-width": str(tensor.width)}
    if tensor.psnr is not None:
        headers["x-psnr"] = f"{tensor.psnr:.2f}"
    return Response(tensor.data, media_type="application/octet-stream", headers=headers)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _on_value_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)


async def _on_key_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error.args[0] if error.args else "not found")}, 404)


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return Response(status_code=400)
