"""The page itself: its files and its settings."""

from __future__ import annotations

import gzip
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chromahint.studio.model_list import PREVIEW_SIZES, SAMPLES, ModelList
from chromahint.studio.routes.caching import FOREVER

_FOLDER = Path(__file__).parents[1]
DESCRIPTION = _FOLDER / "openapi.yaml"
_FOLDERS = ("fonts", "languages", "samples")
_MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class _Asset(NamedTuple):
    """A file of the page, in memory."""

    content: bytes
    compressed: bytes
    media_type: str


class PageRoutes:
    """Serves the page. None of its requests waits for torch.

    Args:
        models: the models to offer.
        initial_photo: photo to open at once.
    """

    def __init__(self, models: ModelList, initial_photo: Path | None) -> None:
        self._models = models
        self._initial_photo = initial_photo
        self._assets = _read_assets(_FOLDER / "assets")
        self._folders = {name: _read_assets(_FOLDER / "assets" / name) for name in _FOLDERS}
        page = self._assets.pop("index.html")
        # an address changes with the contents, so browsers may keep what they have
        contents = [each.content for assets in (self._assets, *self._folders.values()) for each in assets.values()]
        self._version = blake2b(b"".join(contents), digest_size=8).hexdigest()
        self._page = _compress(_refer_to_assets(page.content, self._version, list(self._assets)), page.media_type)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.page),
            Route("/assets/{version}/{name}", self.asset),
            Route("/assets/{version}/{folder}/{name}", self.asset_in_folder),
            Route("/api/openapi.yaml", self.description),
            Route("/api/config", self.config),
        ]

    async def page(self, request: Request) -> Response:
        """Return the page."""
        return _respond(request, self._page, {})

    async def asset(self, request: Request) -> Response:
        """Return a script or style sheet of the page, from memory."""
        return self._respond_from(request, self._assets)

    async def asset_in_folder(self, request: Request) -> Response:
        """Return the page's texts in a language, a font, or the picture of a sample, from memory."""
        return self._respond_from(request, self._folders.get(request.path_params["folder"], {}))

    def _respond_from(self, request: Request, assets: dict[str, _Asset]) -> Response:
        version, name = request.path_params["version"], request.path_params["name"]
        if version != self._version or name not in assets:
            raise HTTPException(404)
        return _respond(request, assets[name], FOREVER)

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


def _read_assets(folder: Path) -> dict[str, _Asset]:
    files = sorted(path for path in folder.iterdir() if path.suffix in _MEDIA_TYPES)
    return {path.name: _compress(path.read_bytes(), _MEDIA_TYPES[path.suffix]) for path in files}


def _compress(content: bytes, media_type: str) -> _Asset:
    return _Asset(content, gzip.compress(content, mtime=0), media_type)


def _refer_to_assets(page: bytes, version: str, names: list[str]) -> bytes:
    """Add the version to the addresses, and have all scripts loaded at once instead of as they are imported.

    They let what is visible go first, such as the texts of a language.
    """
    preload = '<link rel="modulepreload" fetchpriority="low" href="/assets/{}">\n'
    preloads = "".join(preload.format(name) for name in names if name.endswith(".js"))
    text = page.decode().replace("</head>", f"{preloads}</head>")
    return text.replace('"/assets/', f'"/assets/{version}/').encode()


def _respond(request: Request, asset: _Asset, headers: dict[str, str]) -> Response:
    headers = {**headers, "vary": "accept-encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    return Response(asset.compressed, media_type=asset.media_type, headers={**headers, "content-encoding": "gzip"})
