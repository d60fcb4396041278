"""Opening photos, and showing them in gray and in their own colors."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.request_body import MAX_FILE_BYTES, UploadMemory, read_body
from chromahint.studio.routes.caching import FOREVER, is_compact
from chromahint.studio.work_queue import WorkQueue


class PhotoRoutes:
    """Opens photos.

    Args:
        queue: runs the work.
        initial_photo: photo to open at once.
    """

    def __init__(self, queue: WorkQueue, initial_photo: Path | None) -> None:
        self._run = queue.run
        self._initial_photo = initial_photo
        self._memory = UploadMemory()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/photos", self.open_photo, methods=["POST"]),
            Route("/api/palette", self.palette, methods=["POST"]),
            Route("/api/samples/{name}", self.open_sample, methods=["POST"]),
            Route("/api/initial-photo", self.open_initial_photo, methods=["POST"]),
            Route("/api/photos/{photo}/gray", self.gray),
            Route("/api/photos/{photo}/original", self.original),
        ]

    async def open_photo(self, request: Request) -> Response:
        """Open an uploaded photo."""
        with self._memory.reserve() as reserve:
            data = await read_body(request, MAX_FILE_BYTES, reserve)
            name = request.query_params.get("name", "photo")[:200]
            return JSONResponse(await self._run(lambda workspace: workspace.open_photo(data, name)))

    async def palette(self, request: Request) -> Response:
        """Return the main colors of an uploaded picture, which is not kept."""
        with self._memory.reserve() as reserve:
            data = await read_body(request, MAX_FILE_BYTES, reserve)
            return JSONResponse(await self._run(lambda workspace: workspace.palette(data)))

    async def open_sample(self, request: Request) -> Response:
        """Open a sample photo."""
        name = request.path_params["name"]
        return JSONResponse(await self._run(lambda workspace: workspace.open_sample(name)))

    async def open_initial_photo(self, request: Request) -> Response:
        """Open the photo given on the command line."""
        path = self._initial_photo
        if path is None:
            raise HTTPException(404)
        return JSONResponse(await self._run(lambda workspace: workspace.open_file(path)))

    async def gray(self, request: Request) -> Response:
        """Return the photo in gray."""
        photo_id, compact = request.path_params["photo"], is_compact(request)
        data, media_type = await self._run(lambda workspace: workspace.photo(photo_id).gray(compact))
        return Response(data, media_type=media_type, headers=FOREVER)

    async def original(self, request: Request) -> Response:
        """Return the photo in its original colors."""
        photo_id = request.path_params["photo"]
        data, media_type = await self._run(lambda workspace: workspace.photo(photo_id).original())
        return Response(data, media_type=media_type, headers=FOREVER)
