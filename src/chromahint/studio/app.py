"""The web application of the studio."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from chromahint.atomic_write import explain_write_error
from chromahint.studio.model_list import ModelList
from chromahint.studio.projects import Projects, default_folder
from chromahint.studio.routes.colors import ColorRoutes
from chromahint.studio.routes.exports import ExportRoutes
from chromahint.studio.routes.page import PageRoutes
from chromahint.studio.routes.photos import PhotoRoutes
from chromahint.studio.routes.preparation import PreparationRoutes
from chromahint.studio.routes.project import ProjectRoutes
from chromahint.studio.security import SecurityMiddleware
from chromahint.studio.work_queue import WorkQueue


def create_app(
    models: ModelList,
    device: str = "auto",
    photo: Path | None = None,
    token: str | None = None,
    guest_token: str | None = None,
    folder: Path | None = None,
) -> Starlette:
    """Create the web application. It starts serving the page at once, and imports torch in the background.

    Args:
        models: the models to offer.
        device: device to run them on.
        photo: photo to open at once.
        token: secret that clients must present; None accepts only requests from this machine.
        guest_token: the same for other people, each of whom sees only photos of their own.
        folder: project folder; None is `default_folder`.
    """
    projects = Projects(default_folder() if folder is None else folder)
    queue = WorkQueue(models, device)
    return Starlette(
        routes=[
            *PageRoutes(models, photo).routes(),
            *PhotoRoutes(queue, photo).routes(),
            *ColorRoutes(queue).routes(),
            *PreparationRoutes(queue).routes(),
            *ProjectRoutes(queue, projects, photo).routes(),
            *ExportRoutes(queue, projects).routes(),
        ],
        middleware=[Middleware(SecurityMiddleware, token=token, guest_token=guest_token)],
        lifespan=queue.lifespan,
        exception_handlers={
            HTTPException: _on_http_exception,
            ValueError: _on_value_error,
            KeyError: _on_key_error,
            OSError: _on_os_error,
            ClientDisconnect: _on_disconnect,
        },
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _on_value_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)


async def _on_key_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error.args[0] if error.args else "not found")}, 404)


async def _on_os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if isinstance(error, FileNotFoundError):  # somebody has deleted it meanwhile
        return JSONResponse({"error": f"{Path(error.filename or 'file').name}: no longer there."}, 404)
    reason = explain_write_error(error) or f"{error.filename or 'file'}: {error.strerror}."
    return JSONResponse({"error": reason}, 507)


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return Response(status_code=400)
