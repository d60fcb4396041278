"""Preparing the scan of a photo before it is colored."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.request_body import MAX_HINT_BYTES, read_body
from chromahint.studio.routes.caching import FOREVER
from chromahint.studio.work_queue import WorkQueue


class PreparationRoutes:
    """Prepares scans.

    Args:
        queue: runs the work.
    """

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/photos/{photo}/preparation", self.automatic),
            Route("/api/photos/{photo}/preparation", self.prepare, methods=["POST"]),
            Route("/api/photos/{photo}/scan", self.scan),
        ]

    async def automatic(self, request: Request) -> Response:
        """Return settings that put right what is wrong with the scan."""
        photo_id, turn = request.path_params["photo"], self._queue.download_turn(request)
        settings = await self._queue.run(lambda workspace: workspace.automatic_preparation(photo_id), turn)
        return JSONResponse(settings)

    async def prepare(self, request: Request) -> Response:
        """Open the scan of a photo again, prepared by the settings in the body."""
        photo_id, body = request.path_params["photo"], await read_body(request, MAX_HINT_BYTES)
        turn = self._queue.download_turn(request)
        return JSONResponse(await self._queue.run(lambda workspace: workspace.prepare_photo(photo_id, body), turn))

    async def scan(self, request: Request) -> Response:
        """Return the scan as it came."""
        photo_id = request.path_params["photo"]
        data, media_type = await self._queue.run(lambda workspace: workspace.photo(photo_id).unprepared())
        return Response(data, media_type=media_type, headers=FOREVER)
