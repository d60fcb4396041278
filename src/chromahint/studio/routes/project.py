"""The photos of a project and the work on them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.project import ConflictError, Project
from chromahint.studio.projects import Projects
from chromahint.studio.request_body import MAX_FILE_BYTES, UploadMemory, read_body
from chromahint.studio.routes.caching import respond_unless_known
from chromahint.studio.selection import MAX_SELECTION_BYTES
from chromahint.studio.session_content import MAX_SESSION_BYTES
from chromahint.studio.work_queue import WorkQueue

T = TypeVar("T")


class ProjectRoutes:
    """Keeps photos and the work on them.

    Args:
        queue: runs the work.
        projects: the projects.
        initial_photo: photo given on the command line.
    """

    def __init__(self, queue: WorkQueue, projects: Projects, initial_photo: Path | None) -> None:
        self._queue = queue
        self._projects = projects
        self._initial_photo = initial_photo
        self._memory = UploadMemory()
        self._thumbnail_turn = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes."""
        photo = "/api/project/photos/{kept}"
        return [
            Route("/api/project", self.list_photos),
            Route("/api/project/photos", self.add, methods=["POST"]),
            Route("/api/project/samples/{name}", self.add_sample, methods=["POST"]),
            Route("/api/project/initial-photo", self.add_initial_photo, methods=["POST"]),
            Route(photo, self.delete, methods=["DELETE"]),
            Route(f"{photo}/open", self.open, methods=["POST"]),
            Route(f"{photo}/thumbnail", self.thumbnail),
            Route(f"{photo}/session", self.session),
            Route(f"{photo}/session", self.save, methods=["PUT"]),
            Route(f"{photo}/copy", self.copy, methods=["POST"]),
            Route(f"{photo}/copy-to", self.copy_to, methods=["POST"]),
            Route(f"{photo}/done", self.set_done, methods=["POST"]),
        ]

    async def list_photos(self, request: Request) -> Response:
        """List the photos with a summary of the work on each."""
        project = self._projects.of(request)
        return JSONResponse({"name": self._projects.root.name, "photos": await run_in_threadpool(project.photos)})

    async def add(self, request: Request) -> Response:
        """Add an uploaded photo."""
        with self._memory.reserve() as reserve:
            data = await read_body(request, MAX_FILE_BYTES, reserve)
            name = request.query_params.get("name", "photo")[:200]
            return JSONResponse(await self._do(request, lambda project: project.add(data, name)))

    async def add_sample(self, request: Request) -> Response:
        """Add a sample photo."""
        name = request.path_params["name"]

        def add(project: Project) -> dict[str, Any]:
            from chromahint.studio.samples import sample_file

            file = sample_file(name)
            return project.add(file.read_bytes(), file.name)

        return JSONResponse(await self._do(request, add))

    async def add_initial_photo(self, request: Request) -> Response:
        """Add the photo given on the command line."""
        path = self._initial_photo
        if path is None:
            raise HTTPException(404)
        return JSONResponse(await self._do(request, lambda project: project.add(path.read_bytes(), path.name)))

    async def delete(self, request: Request) -> Response:
        """Delete the work on a photo, and the photo itself if the page added it."""
        await self._do(request, lambda project: project.delete(_key(request)))
        return Response(status_code=204)

    async def open(self, request: Request) -> Response:
        """Open a photo, to color it."""
        path = await self._do(request, lambda project: project.file(_key(request)))
        return JSONResponse(await self._queue.run(lambda workspace: workspace.open_file(path)))

    async def thumbnail(self, request: Request) -> Response:
        """Return a small, colored version of a photo. It is made when it is requested, and then kept."""
        project, key = self._projects.of(request), _key(request)
        file = project.thumbnail_file(key)
        # others wait here, where they don't take a place in the queue
        async with self._thumbnail_turn:
            if not await run_in_threadpool(project.thumbnail_is_current, key):
                now = time.time_ns()
                path, session = await run_in_threadpool(lambda: (project.file(key), project.session(key)))
                data = await self._queue.run(lambda workspace: workspace.color_thumbnail(path, session))
                await run_in_threadpool(project.keep_thumbnail, key, data, now)
        return respond_unless_known(request, await run_in_threadpool(file.read_bytes), "image/jpeg")

    async def session(self, request: Request) -> Response:
        """Return the work on a photo."""
        session = await self._do(request, lambda project: project.session(_key(request)))
        return JSONResponse(session, headers=_etag(session["revision"]))

    async def save(self, request: Request) -> Response:
        """Save the work on a photo, unless somebody else has saved it since it was loaded."""
        condition = request.headers.get("if-match", "")
        if not re.fullmatch('"[0-9]{1,15}"', condition):
            detail = 'If-Match: send the revision that the work is based on, such as If-Match: "3".'
            raise HTTPException(428, detail)
        body = await read_body(request, MAX_SESSION_BYTES)
        try:
            revision = await self._do(
                request, lambda project: project.save(_key(request), body, int(condition.strip('"')))
            )
        except ConflictError as error:
            detail = "This photo was changed in another window. Nothing was overwritten."
            raise HTTPException(412, detail, _etag(error.revision)) from None
        return JSONResponse({"revision": revision}, headers=_etag(revision))

    async def copy(self, request: Request) -> Response:
        """Add a copy of a photo with the work in the body."""
        body = await read_body(request, MAX_SESSION_BYTES)
        return JSONResponse(await self._do(request, lambda project: project.copy(_key(request), body)))

    async def copy_to(self, request: Request) -> Response:
        """Copy parts of the work on a photo to others."""
        body = await read_body(request, MAX_SELECTION_BYTES)

        def copy(project: Project) -> int:
            from chromahint.studio.copy_work import copy_work

            return copy_work(project, _key(request), body)

        return JSONResponse({"changed": await self._do(request, copy)})

    async def set_done(self, request: Request) -> Response:
        """Mark a photo as done, or as still to do."""
        body = await read_body(request, MAX_SELECTION_BYTES)
        done = {b"true": True, b"false": False}.get(body.strip())
        if done is None:
            raise ValueError("done: must be true or false.")
        revision = await self._do(
            request, lambda project: project.update(_key(request), lambda session, size: {"done": done})
        )
        return JSONResponse({"revision": revision}, headers=_etag(revision))

    async def _do(self, request: Request, task: Callable[[Project], T]) -> T:
        return await run_in_threadpool(lambda: task(self._projects.of(request)))


def _key(request: Request) -> str:
    key: str = request.path_params["kept"]
    return key


def _etag(revision: int) -> dict[str, str]:
    return {"etag": f'"{revision}"'}
