"""Limits on connections, so that clients that send nothing do not lock out others."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 512
_MAX_CONNECTIONS_PER_CLIENT = 128
_HEADER_TIMEOUT = 10.0
"""Seconds in which the headers of a request must arrive."""


class LimitedProtocol(H11Protocol):
    """HTTP connection that is closed if its client has too many others, or sends headers too slowly."""

    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, unless the client has too many."""
        super().connection_made(transport)
        address = _address(self)
        if sum(_address(other) == address for other in self.connections) > _MAX_CONNECTIONS_PER_CLIENT:
            transport.abort()
        else:
            self._limit_header_time()

    def data_received(self, data: bytes) -> None:
        """Handle data from the client."""
        super().data_received(data)
        self._limit_header_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        self._stop_header_timer()
        super().connection_lost(exc)

    def _limit_header_time(self) -> None:
        """Start or stop the timer, depending on whether the headers of a request are incomplete."""
        if self.conn.their_state is not h11.IDLE:
            self._stop_header_timer()
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(_HEADER_TIMEOUT, self.transport.abort)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None


def _address(connection: object) -> str | None:
    client: tuple[str, int] | None = getattr(connection, "client", None)
    return None if client is None else client[0]
