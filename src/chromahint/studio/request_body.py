"""Reads what clients send, within limits of size and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_FILE_BYTES = 100 * 2**20
MAX_HINT_BYTES = 2 * 2**20
_MAX_UPLOAD_BYTES = 3 * MAX_FILE_BYTES
"""Total of all files that are being received or opened."""
_BODY_TIMEOUT = 60.0
"""Seconds in which the body of a request must arrive."""


async def read_body(request: Request, max_bytes: int, reserve: Callable[[int], None] | None = None) -> bytes:
    """Read the body of a request, within limits of size and time.

    Args:
        request: the request.
        max_bytes: maximum size.
        reserve: called with the size of each part; raises an error if there is no memory for it.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.stream():
                data += chunk
                if len(data) > max_bytes:
                    raise HTTPException(413, f"This file is too large: at most {max_bytes // 2**20} MB are allowed.")
                if reserve is not None:
                    reserve(len(chunk))
    except TimeoutError:
        detail = f"This request took longer than {_BODY_TIMEOUT:.0f} seconds to arrive. Try again."
        raise HTTPException(408, detail, {"connection": "close"}) from None
    return bytes(data)


class UploadMemory:
    """Limits the memory that files take while they are received and opened."""

    def __init__(self) -> None:
        self._used = 0

    @contextlib.contextmanager
    def reserve(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves memory for a file until the end of the block."""
        reserved = 0

        def reserve(size: int) -> None:
            nonlocal reserved
            if self._used + size > _MAX_UPLOAD_BYTES:
                raise HTTPException(503, "Other photos are being opened. Try again in a moment.", {"retry-after": "1"})
            self._used += size
            reserved += size

        try:
            yield reserve
        finally:
            self._used -= reserved
