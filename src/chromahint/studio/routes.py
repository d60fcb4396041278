"""What the page can ask for: one function for each address."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
    from chromahint.studio.workspace import Workspace

T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]

ASSETS = Path(__file__).with_name("assets")
LARGEST_FILE = 100 * 2**20
_LARGEST_HINTS = 2 * 2**20
_MOST_WAITING = 32
_MOST_OPENING = 3
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def make_app(
    choices: ModelList, device: str = "auto", photo: Path | None = None, token: str | None = None
) -> Starlette:
    """Make the page's server; torch is imported while it answers its first requests.

    Args:
        choices: the networks.
        device: that they run on.
        photo: opened at once.
        token: needed by those who ask; None lets in only this machine.
    """
    studio = Studio(choices, device, photo)
    routes = [
        Route("/", studio.page),
        Route("/assets/{name}", studio.asset),
        Route("/api/about", studio.about),
        Route("/api/photos", studio.open_photo, methods=["POST"]),
        Route("/api/samples/{name}", studio.sample),
        Route("/api/samples/{name}", studio.open_sample, methods=["POST"]),
        Route("/api/given", studio.open_given, methods=["POST"]),
        Route("/api/photos/{photo}/gray", studio.gray),
        Route("/api/photos/{photo}/original", studio.original),
        Route("/api/photos/{photo}/seen", studio.seen),
        Route("/api/photos/{photo}/colors", studio.colors, methods=["POST"]),
        Route("/api/photos/{photo}/session", studio.read_session, methods=["POST"]),
        Route("/api/photos/{photo}/full", studio.full, methods=["POST"]),
        Route("/api/photos/{photo}/suggest", studio.suggest, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(SecurityMiddleware, token=token)],
        lifespan=studio.lifespan,
        exception_handlers={ValueError: _wrong, KeyError: _gone, ClientDisconnect: _left},
    )


class Studio:
    """The page, and the desk that its photos lie on."""

    def __init__(self, choices: ModelList, device: str, photo: Path | None) -> None:
        self._choices = choices
        self._device = device
        self._photo = photo
        self._assets = {path.name: path.read_bytes() for path in ASSETS.iterdir() if path.suffix in _KINDS}
        self._desk: asyncio.Task[Workspace] | None = None
        self._waiting = 0
        self._opening = 0

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Get the desk ready beside the first answers."""
        self._desk = asyncio.create_task(run_in_threadpool(self._make_desk))
        yield

    def _make_desk(self) -> Workspace:
        from chromahint.studio.workspace import Workspace

        desk = Workspace(self._choices, self._device)
        desk.warm_up()
        return desk

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return Response(self._assets["index.html"], media_type="text/html")

    async def asset(self, request: Request) -> Response:
        """One of the files it is made of, out of memory."""
        name = request.path_params["name"]
        if name not in self._assets:
            raise HTTPException(404)
        return Response(self._assets[name], media_type=_KINDS[Path(name).suffix])

    async def about(self, request: Request) -> Response:
        """What can be chosen."""
        models = await run_in_threadpool(self._choices.all)
        given = None if self._photo is None else self._photo.name
        return JSONResponse({"models": models, "samples": list(SAMPLES), "given": given, "drafts": list(PREVIEW_SIZES)})

    async def open_photo(self, request: Request) -> Response:
        """Take a photo's bytes."""
        if self._opening >= _MOST_OPENING:
            raise HTTPException(503, "other photos are being opened", {"retry-after": "1"})
        self._opening += 1
        try:
            data = await _body(request, LARGEST_FILE)
            name = request.query_params.get("name", "photo")[:200]
            return JSONResponse(await self._at_desk(lambda desk: desk.open(data, name)))
        finally:
            self._opening -= 1

    async def open_sample(self, request: Request) -> Response:
        """Open one of the photos that come with scikit-image."""
        name = request.path_params["name"]
        return JSONResponse(await self._at_desk(lambda desk: desk.open_sample(name)))

    async def sample(self, request: Request) -> Response:
        """One of these photos, small."""
        return Response(await run_in_threadpool(_thumbnail, request.path_params["name"]), media_type="image/jpeg")

    async def open_given(self, request: Request) -> Response:
        """Open the photo that was typed with the command."""
        photo = self._photo
        if photo is None:
            raise HTTPException(404)
        return JSONResponse(await self._at_desk(lambda desk: desk.open_file(photo)))

    async def gray(self, request: Request) -> Response:
        """The photo's lightness as a picture."""
        photo = request.path_params["photo"]
        data, kind = await self._at_desk(lambda desk: desk.photo(photo).gray())
        return Response(data, media_type=kind)

    async def original(self, request: Request) -> Response:
        """The photo in the colors that it came with."""
        photo = request.path_params["photo"]
        data, kind = await self._at_desk(lambda desk: desk.photo(photo).original())
        return Response(data, media_type=kind)

    async def seen(self, request: Request) -> Response:
        """The lightness that a network sees, as float32."""
        chosen = _chosen(request)
        return _raw(await self._at_desk(lambda desk: desk.seen(*chosen)))

    async def colors(self, request: Request) -> Response:
        """What a network makes of hints, at the size that it sees."""
        chosen, hints = _chosen(request), await _body(request, _LARGEST_HINTS)
        return _raw(await self._at_desk(lambda desk: desk.colors(*chosen, hints)))

    async def read_session(self, request: Request) -> Response:
        """The points and strokes of a hint file, in pixels of the photo."""
        photo, text = request.path_params["photo"], await _body(request, _LARGEST_HINTS)
        return JSONResponse(await self._at_desk(lambda desk: desk.read_session(photo, text)))

    async def full(self, request: Request) -> Response:
        """The colored photo at its own size."""
        photo, model, _ = _chosen(request)
        kind, hints = request.query_params.get("kind", ".png"), await _body(request, _LARGEST_HINTS)
        data = await self._at_desk(lambda desk: desk.full(photo, model, kind, hints))
        return Response(data, media_type="application/octet-stream")

    async def suggest(self, request: Request) -> Response:
        """Colors to choose from at one pixel."""
        (photo, model, _), hints = _chosen(request), await _body(request, _LARGEST_HINTS)
        x, y = (int(request.query_params.get(name, "0")[:9]) for name in "xy")
        return JSONResponse(await self._at_desk(lambda desk: desk.suggest(photo, model, x, y, hints)))

    async def _at_desk(self, work: Callable[[Workspace], T]) -> T:
        """Do one piece of work in a thread; few may wait, since who waits long has moved on."""
        if self._waiting >= _MOST_WAITING:
            raise HTTPException(503, "busy", {"retry-after": "1"})
        self._waiting += 1
        try:
            assert self._desk is not None
            desk = await asyncio.shield(self._desk)
            return await run_in_threadpool(functools.partial(work, desk))
        finally:
            self._waiting -= 1


def _thumbnail(name: str) -> bytes:
    from chromahint.studio.samples import thumbnail

    return thumbnail(name)


def _chosen(request: Request) -> tuple[str, str, str]:
    """Photo, model and size that an address names."""
    query = request.query_params
    return request.path_params["photo"], query.get("model", ""), query.get("size", "fine")


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise HTTPException(413, f"more than {most // 2**20} MB")
    return bytes(data)


def _raw(answer: Any) -> Response:
    headers = {"x-height": str(answer.height), "x-width": str(answer.width)}
    if answer.psnr is not None:
        headers["x-psnr"] = f"{answer.psnr:.2f}"
    return Response(answer.data, media_type="application/octet-stream", headers=headers)


async def _wrong(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)


async def _gone(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error.args[0] if error.args else "there is no such thing")}, 404)


async def _left(request: Request, error: Exception) -> Response:
    return Response(status_code=400)
