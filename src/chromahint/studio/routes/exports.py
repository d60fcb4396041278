"""Downloading many colored photos at once, or writing them beside their originals."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from chromahint.studio.exports import Export, Exports
from chromahint.studio.projects import Projects
from chromahint.studio.request_body import read_body
from chromahint.studio.security import person_of
from chromahint.studio.selection import MAX_SELECTION_BYTES, parse_keys
from chromahint.studio.work_queue import WorkQueue


class ExportRoutes:
    """Colors many photos.

    Args:
        queue: runs the work.
        projects: the projects.
    """

    def __init__(self, queue: WorkQueue, projects: Projects) -> None:
        self._queue = queue
        self._projects = projects
        self._exports = Exports()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/project/exports", self.start, methods=["POST"]),
            Route("/api/project/exports/{export}", self.progress),
            Route("/api/project/exports/{export}", self.stop, methods=["DELETE"]),
            Route("/api/project/exports/{export}/zip", self.zip),
        ]

    async def start(self, request: Request) -> Response:
        """Start an export. A zip file is made when it is requested."""
        fields, keys = parse_keys(await read_body(request, MAX_SELECTION_BYTES))
        target = fields.get("target")
        if target not in ("zip", "folder"):
            raise ValueError("target: must be zip or folder.")
        if target == "folder" and person_of(request):
            raise HTTPException(403, "Only the person who runs the studio can write beside the originals.")
        export = Export(self._queue, self._projects.of(request), keys)
        if target == "folder":
            export.write_beside()
        return JSONResponse({"id": self._exports.add(export), **export.progress()})

    async def progress(self, request: Request) -> Response:
        """Return how far an export is."""
        return JSONResponse(self._find(request).progress())

    async def stop(self, request: Request) -> Response:
        """Stop an export before its next photo."""
        export = self._find(request)
        export.stop()
        return JSONResponse(export.progress())

    async def zip(self, request: Request) -> Response:
        """Return a zip file of the colored photos, as they are made."""
        export = self._find(request)
        if export.progress()["state"] != "waiting":
            raise HTTPException(409, "This file was requested before. Start the download again.")
        headers = {"content-disposition": 'attachment; filename="colored-photos.zip"'}
        return StreamingResponse(export.zip_chunks(), media_type="application/zip", headers=headers)

    def _find(self, request: Request) -> Export:
        export = self._exports.get(request.path_params["export"])
        if export.project is not self._projects.of(request):
            raise KeyError("export: no longer known. Start it again.")
        return export
