"""Coloring a photo from the points and strokes in the body of a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.request_body import MAX_HINT_BYTES, read_body
from chromahint.studio.routes.caching import is_compact
from chromahint.studio.work_queue import WorkQueue

if TYPE_CHECKING:
    from chromahint.studio.workspace import RawTensor, Workspace


class ColorRoutes:
    """Colors photos.

    Args:
        queue: runs the work.
    """

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/photos/{photo}/network-input", self.network_input),
            Route("/api/photos/{photo}/colors", self.colors, methods=["POST"]),
            Route("/api/photos/{photo}/hints", self.parse_hint_file, methods=["POST"]),
            Route("/api/photos/{photo}/download", self.download, methods=["POST"]),
            Route("/api/photos/{photo}/suggestions", self.suggestions, methods=["POST"]),
            Route("/api/photos/{photo}/parts", self.parts),
            Route("/api/photos/{photo}/next-places", self.next_places, methods=["POST"]),
        ]

    async def network_input(self, request: Request) -> Response:
        """Return the lightness that a network sees, as float32."""
        target, compact = _target(request), is_compact(request)
        turn = self._queue.network_turn(request)

        def network_input(workspace: Workspace) -> RawTensor:
            from chromahint.studio.compact import compact_lightness

            lightness = workspace.network_input(*target)
            return compact_lightness(lightness) if compact else lightness

        return _tensor_response(await self._queue.run(network_input, turn), compact)

    async def colors(self, request: Request) -> Response:
        """Return the colors of a network for the hints in the body, at the size of the network input."""
        target, hints = _target(request), await read_body(request, MAX_HINT_BYTES)
        query, compact, turn = dict(request.query_params), is_compact(request), self._queue.network_turn(request)

        def color(workspace: Workspace) -> RawTensor:
            from chromahint.studio.compact import compact_colors
            from chromahint.studio.look_query import parse_look

            colors = workspace.colors(*target, hints, parse_look(query))
            return compact_colors(colors) if compact else colors

        return _tensor_response(await self._queue.run(color, turn), compact)

    async def parse_hint_file(self, request: Request) -> Response:
        """Return the points and strokes of a hint file in pixels of the photo."""
        photo_id, text = request.path_params["photo"], await read_body(request, MAX_HINT_BYTES)
        return JSONResponse(await self._queue.run(lambda workspace: workspace.parse_hint_file(photo_id, text)))

    async def download(self, request: Request) -> Response:
        """Return the colored photo at its full size."""
        photo_id, model, _ = _target(request)
        query, hints = dict(request.query_params), await read_body(request, MAX_HINT_BYTES)

        def render(workspace: Workspace) -> bytes:
            from chromahint.studio.hand_off import parse_hand_off
            from chromahint.studio.look_query import parse_look

            return workspace.render(photo_id, model, parse_hand_off(query), hints, parse_look(query))

        data = await self._queue.run(render, self._queue.download_turn(request))
        return Response(data, media_type="application/octet-stream")

    async def suggestions(self, request: Request) -> Response:
        """Return suggested colors for a pixel."""
        (photo_id, model, _), hints = _target(request), await read_body(request, MAX_HINT_BYTES)
        x, y = (_integer(request, name) for name in "xy")
        turn = self._queue.network_turn(request)
        colors = await self._queue.run(lambda workspace: workspace.suggest(photo_id, model, x, y, hints), turn)
        return JSONResponse(colors)

    async def parts(self, request: Request) -> Response:
        """Return outlines of parts of the photo around a pixel."""
        photo_id, model, _ = _target(request)
        x, y = (_integer(request, name) for name in "xy")
        turn = self._queue.network_turn(request)
        return JSONResponse(await self._queue.run(lambda workspace: workspace.parts(photo_id, model, x, y), turn))

    async def next_places(self, request: Request) -> Response:
        """Return places where one more point helps most."""
        (photo_id, model, _), hints = _target(request), await read_body(request, MAX_HINT_BYTES)
        turn = self._queue.network_turn(request)
        return JSONResponse(await self._queue.run(lambda workspace: workspace.where_next(photo_id, model, hints), turn))


def _target(request: Request) -> tuple[str, str, str]:
    """Return the photo, model, and size that a request is about."""
    query = request.query_params
    return request.path_params["photo"], query.get("model", ""), query.get("size", "native")


def _integer(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise ValueError(f"{name}={text:.20}: must be a pixel of the photo, as an integer.")
    return int(text)


def _tensor_response(tensor: RawTensor, compact: bool) -> Response:
    headers = {"x-height": str(tensor.height), "x-width": str(tensor.width)}
    if tensor.psnr is not None:
        headers["x-psnr"] = f"{tensor.psnr:.2f}"
    return Response(tensor.data, media_type="image/jpeg" if compact else "application/octet-stream", headers=headers)
