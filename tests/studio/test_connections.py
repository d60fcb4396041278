"""Clients that stall, leave, or have no token do not lock out others."""

import contextlib
import io
import json
import queue
import socket
import stat
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import uvicorn
from PIL import Image

from chromahint.inference.session import Session
from chromahint.studio.model_list import ModelList
from chromahint.studio.server import serve

SECONDS = 60
ANYWHERE = "0.0.0.0"
HALF_SENT = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Address:
    """The address of a server in this process."""

    def __init__(self, port, token):
        self.port = port
        self.token = token

    def request(self, path, body=None):
        """Send a request that is allowed; return the contents of the response."""
        headers = {"Cookie": f"chromahint-studio={self.token}"} if self.token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return response.read()

    def upload_status(self, data):
        try:
            self.request("/api/photos", data)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def connect(self, data, source="127.0.0.1"):
        """Send the beginning of a request; return its socket."""
        connection = socket.create_connection(("127.0.0.1", self.port), SECONDS, (source, 0))
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return connection

    def start_upload(self):
        """Send the headers and the first bytes of a photo; return the socket."""
        cookie = f"Cookie: chromahint-studio={self.token}\r\n" if self.token else ""
        headers = f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}Content-Length: 9999\r\n\r\n"
        return self.connect(headers.encode() + b"\x89PNG")


def read_to_end(connection):
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def png():
    file = io.BytesIO()
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def start(monkeypatch, capsys, tmp_path):
    """Start a server in a thread."""
    started, server_class = queue.Queue(), uvicorn.Server

    class Server(server_class):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            started.put((self, sockets[0].getsockname()[1]))

    monkeypatch.setattr(uvicorn, "Server", Server)
    with contextlib.ExitStack() as stack:

        def start(host="127.0.0.1", open_browser=False):
            arguments = (host, 0, ModelList(["levin"]), "cpu", None, tmp_path, open_browser)
            thread = threading.Thread(target=serve, args=arguments)
            thread.start()
            stack.callback(thread.join, SECONDS)
            server, port = started.get(timeout=SECONDS)
            stack.callback(setattr, server, "should_exit", True)
            return Address(port, capsys.readouterr().out.partition("?token=")[2].partition("\n")[0])

        yield start


@pytest.mark.parametrize("host", ["127.0.0.1", ANYWHERE])
def test_others_open_photos_during_stalled_uploads(start, host):
    server = start(host)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(server.start_upload())
        assert json.loads(server.request("/api/photos?name=other.png", png()))["name"] == "other.png"


def test_stalled_uploads_end(start, monkeypatch):
    monkeypatch.setattr("chromahint.studio.request_body._BODY_TIMEOUT", 0.5)
    server = start()
    with server.start_upload() as first, server.start_upload() as second:
        for connection in (first, second):
            assert read_to_end(connection).startswith(b"HTTP/1.1 408 ")


def test_uploads_beyond_the_memory_limit_are_rejected_until_others_end(start, monkeypatch):
    monkeypatch.setattr("chromahint.studio.request_body._MAX_UPLOAD_BYTES", len(png()) + 1)
    server = start()
    with server.start_upload():
        wait_until(lambda: server.upload_status(png()) == 503)
    wait_until(lambda: server.upload_status(png()) == 200)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this machine")
def test_hundreds_of_half_sent_headers_leave_room_for_others(start):
    server = start(ANYWHERE)
    with contextlib.ExitStack() as stack:
        for _ in range(220):
            stack.enter_context(server.connect(HALF_SENT, source="127.0.0.2"))
        assert json.loads(server.request("/api/config"))["samples"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this machine")
def test_connections_beyond_the_limit_of_a_client_are_closed(start, monkeypatch):
    monkeypatch.setattr("chromahint.studio.connections._MAX_CONNECTIONS_PER_CLIENT", 3)
    server = start()
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(server.connect(HALF_SENT, source="127.0.0.2")) for _ in range(3)]
        excess = stack.enter_context(server.connect(HALF_SENT, source="127.0.0.2"))
        assert read_to_end(excess) == b""
        assert json.loads(server.request("/api/config"))["samples"]
        kept[0].sendall(b"\r\n")
        assert kept[0].recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", HALF_SENT, HALF_SENT + b"\r\n" + HALF_SENT])
def test_connections_without_complete_headers_end(start, monkeypatch, sent):
    monkeypatch.setattr("chromahint.studio.connections._HEADER_TIMEOUT", 0.5)
    server = start()
    with server.connect(sent) as connection:
        assert read_to_end(connection).count(b"HTTP/1.1 200 ") == sent.count(b"\r\n\r\n")


def test_time_limit_of_headers_ends_with_them(start, monkeypatch):
    monkeypatch.setattr("chromahint.studio.connections._HEADER_TIMEOUT", 0.5)
    server = start()
    with server.start_upload() as upload:
        upload.settimeout(1.5)
        with pytest.raises(TimeoutError):
            upload.recv(1)


def test_uploads_without_a_token_are_rejected_and_closed_before_their_body(start):
    server = start(ANYWHERE)
    stranger = Address(server.port, "wrong")
    with contextlib.ExitStack() as stack:
        uploads = [stack.enter_context(stranger.start_upload()) for _ in range(4)]
        for upload in uploads:
            response = read_to_end(upload)
            assert response.startswith(b"HTTP/1.1 403 ")
            assert b"connection: close" in response
        assert json.loads(server.request("/api/photos", png()))["width"] == 50


@pytest.mark.parametrize("route", ["colors", "download"])
def test_photos_of_clients_that_have_left_are_not_colored(start, monkeypatch, route):
    colored, started, may_continue = [], threading.Event(), threading.Event()

    def colorize(session, hints, *args):
        colored.append(hints.points[0].x)
        started.set()
        assert may_continue.wait(SECONDS)
        raise ValueError("nothing is colored in this test")

    monkeypatch.setattr(Session, "colorize_small", colorize)
    monkeypatch.setattr(Session, "colorize_full", colorize)
    server = start()
    photo = json.loads(server.request("/api/photos", png()))["id"]

    def request(x):
        body = json.dumps({"format": "chromahint-hints/1", "points": [{"x": x, "y": 2, "keep_grey": True}]})
        headers = f"POST /api/photos/{photo}/{route}?model=levin HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        return server.connect(f"{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    with request(1) as first:
        assert started.wait(SECONDS)
        for _ in range(40):
            request(2).close()
        for _ in range(2):
            server.request("/api/config")  # meanwhile, the server notices that they have left
        with request(3) as last:
            server.request("/api/config")
            may_continue.set()
            for connection in (first, last):
                assert b"nothing is colored in this test" in read_to_end(connection)
    assert colored == [1, 3]


@pytest.fixture
def opened(monkeypatch):
    """What the browser is asked to open, and the file that this leads to."""
    opened = queue.Queue()

    def open_browser(url):
        file = Path(unquote(urlsplit(url).path))
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] if file.is_file() else []
        opened.put((url, file, modes, file.read_text() if file.is_file() else ""))

    monkeypatch.setattr("webbrowser.open", open_browser)
    return opened


@pytest.mark.skipif(sys.platform == "win32", reason="no file modes")
def test_browser_gets_the_token_from_a_private_file(start, opened, monkeypatch):
    monkeypatch.setattr("chromahint.studio.server._REDIRECT_SECONDS", 0)
    server = start(ANYWHERE, open_browser=True)
    url, file, modes, text = opened.get(timeout=SECONDS)
    assert server.token
    assert server.token not in url
    assert modes == [0o600, 0o700]
    assert f":{server.port}/?token={server.token}" in text
    wait_until(lambda: not file.parent.exists())


def test_browser_opens_a_page_without_token_directly(start, opened):
    server = start(open_browser=True)
    assert opened.get(timeout=SECONDS)[0] == f"http://127.0.0.1:{server.port}/"
