"""Listen, say where, open the browser, and answer until stopped."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path

import uvicorn

from chromahint.studio.model_list import ModelList
from chromahint.studio.routes import make_app

USUAL = 8765
_MOST_CONNECTIONS = 200


def serve(host: str, port: int, choices: ModelList, device: str, photo: Path | None, browser: bool) -> int:
    """Serve the page; returns the exit status.

    Args:
        host: the address to listen on; beyond this machine a token is needed.
        port: 0 takes the usual one, or a free one.
        choices: the networks.
        device: that they run on.
        photo: opened at once.
        browser: whether to open one.
    """
    is_private = _is_loopback(host)
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    token = None if is_private else secrets.token_urlsafe(18)
    shown = f"[{host}]" if ":" in host else host
    if not is_private and ipaddress.ip_address(host).is_unspecified:
        shown = socket.gethostname()
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    app = make_app(choices, device, photo, token)
    print(f"studio: {address}", flush=True)  # noqa: T201
    if token is not None:
        print("whoever has this address can open the page; it is not encrypted", flush=True)  # noqa: T201
    print("Ctrl+C stops it.", flush=True)  # noqa: T201
    if browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, lifespan="on",
        limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=2, http="h11", ws="none",
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in [port] if port else [USUAL, 0]:
        # asyncio sends small answers at once only where the protocol is named: 40 ms a click otherwise
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # there it would let two programs have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, wanted))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if wanted == port or wanted == 0:
                raise ValueError(
                    f"--port {port}: cannot listen on {host} ({error.strerror}); leave --port out to take a free one"
                ) from None
            continue
        return listening
    raise AssertionError("a free port is always tried last")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        if host == "localhost":
            return True
        raise ValueError(f"--host {host}: is an address of this machine, such as 192.168.1.10") from None
