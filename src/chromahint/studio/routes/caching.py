"""Caching by browsers, and smaller responses for slow lines."""

from __future__ import annotations

from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""Headers of a response whose address changes with its contents."""


def is_compact(request: Request) -> bool:
    """Return whether a response is to be small rather than exact.

    Raises:
        ValueError: `compact` is not a boolean.
    """
    value = request.query_params.get("compact", "false")
    if value not in ("true", "false"):
        raise ValueError(f"compact={value:.20}: must be true or false.")
    return value == "true"


def respond_unless_known(request: Request, data: bytes, media_type: str) -> Response:
    """Return a picture that may change at the same address, or say that it is the one the browser has."""
    tag = f'"{blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)
