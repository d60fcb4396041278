"""Runs the web server of the studio."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import sys
import tempfile
import threading
import time
import webbrowser
from pathlib import Path

import uvicorn

from chromahint.studio.app import create_app
from chromahint.studio.connections import MAX_CONNECTIONS, LimitedProtocol
from chromahint.studio.model_list import ModelList

DEFAULT_PORT = 8765
_REDIRECT_SECONDS = 60.0
"""How long the file that leads the browser to the page is kept; browsers take a while to start."""


def serve(
    host: str, port: int, models: ModelList, device: str, photo: Path | None, folder: Path | None, open_browser: bool
) -> int:
    """Serve the page until it is interrupted; return the exit status.

    Args:
        host: address to listen on. If it can be reached from other machines, the page requires a token.
        port: 0 uses the default port, or a free one if that is taken.
        models: the models to offer.
        device: device to run them on.
        photo: photo to open at once.
        folder: project folder; None is `default_folder`.
        open_browser: whether to open the page in a browser.
    """
    is_private = _is_loopback(host)
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    token = None if is_private else secrets.token_urlsafe(18)
    displayed_host = f"[{host}]" if ":" in host else host
    if not is_private and ipaddress.ip_address(host).is_unspecified:
        displayed_host = socket.gethostname()
    page = f"http://{displayed_host}:{port}/"
    url = page + (f"?token={token}" if token else "")
    guest_token = None if is_private else secrets.token_urlsafe(18)
    app = create_app(models, device, photo, token, guest_token, folder)
    print(f"studio: {url}", flush=True)  # noqa: T201
    if token is not None:
        print(f"for others: {page}?token={guest_token}", flush=True)  # noqa: T201
        print(  # noqa: T201
            "With the first address, one sees your photos; with the other one, each person sees only their own.\n"
            "The connection is not encrypted.",
            flush=True,
        )
    print("Press Ctrl+C to stop.", flush=True)  # noqa: T201
    if open_browser:
        target = webbrowser.open if token is None else _open_secret
        threading.Thread(target=target, args=(url,), daemon=True).start()
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, lifespan="on",
        limit_concurrency=MAX_CONNECTIONS, timeout_graceful_shutdown=2, http=LimitedProtocol, ws="none",
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _open_secret(url: str) -> None:
    """Open an address in the browser by way of a private file: other users can see the arguments of processes."""
    with tempfile.TemporaryDirectory(prefix="chromahint-studio-") as folder:
        file = Path(folder, "open.html")
        file.touch(mode=0o600)
        file.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">\n', encoding="utf-8")
        webbrowser.open(file.as_uri())
        time.sleep(_REDIRECT_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port else [DEFAULT_PORT, 0]:
        # asyncio sets TCP_NODELAY only if the protocol is explicit; without it, each click takes 40 ms longer
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # on Windows, the option would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if candidate == port or candidate == 0:
                raise ValueError(
                    f"--port {port}: cannot listen on {host} ({error.strerror}). Leave out --port to use a free one."
                ) from None
            continue
        return listener
    raise AssertionError("the last candidate is any free port")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        if host == "localhost":
            return True
        raise ValueError(
            f"--host {host}: not an IP address. Use an address of this machine, such as 192.168.1.10."
        ) from None
