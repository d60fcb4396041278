"""The page itself: its files, its settings, and the pictures of its samples."""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.model_list import PREVIEW_SIZES, SAMPLES, ModelList

_FOLDER = Path(__file__).parents[1]
DESCRIPTION = _FOLDER / "openapi.yaml"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class PageRoutes:
    """Serves the page. None of its requests waits for torch.

    Args:
        models: the models to offer.
        initial_photo: photo to open at once.
    """

    def __init__(self, models: ModelList, initial_photo: Path | None) -> None:
        self._models = models
        self._initial_photo = initial_photo
        assets = (_FOLDER / "assets").iterdir()
        self._assets = {path.name: path.read_bytes() for path in assets if path.suffix in _MEDIA_TYPES}

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.page),
            Route("/assets/{name}", self.asset),
            Route("/api/openapi.yaml", self.description),
            Route("/api/config", self.config),
            Route("/api/samples/{name}/thumbnail", self.sample_thumbnail),
        ]

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

    async def sample_thumbnail(self, request: Request) -> Response:
        """Return a small version of a sample photo."""
        return Response(await run_in_threadpool(_thumbnail, request.path_params["name"]), media_type="image/jpeg")


def _thumbnail(name: str) -> bytes:
    from chromahint.studio.samples import thumbnail

    return thumbnail(name)
