"""The studio over HTTP: photos in, colors out, and nothing that others could make of it."""

import contextlib
import io
import json
import random
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from starlette.testclient import TestClient

from chromahint import Colorizer
from chromahint.color import lab_to_rgb8, lab_to_shown_rgb, rgb_to_lab
from chromahint.hints.hint_file import parse_hints
from chromahint.models.spreadnet import SpreadNet
from chromahint.studio.model_list import SAMPLES, ModelList
from chromahint.studio.routes import make_app
from chromahint.studio.workspace import Workspace

HINTS = json.dumps(
    {
        "format": "chromahint-hints/1",
        "points": [{"x": 40, "y": 30, "color": "#c04020", "radius": 3}, {"x": 200, "y": 90, "color": "#3060c0"}],
        "strokes": [{"points": [[100, 20], [140, 60]], "color": "#30a040", "radius": 2}],
    }
)
ORIGIN = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def client():
    with TestClient(make_app(ModelList([]), "cpu"), base_url=ORIGIN, raise_server_exceptions=False) as made:
        yield made


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


COFFEE = data.coffee()[100:300, 150:410]


@pytest.fixture
def photo(client):
    return client.post("/api/photos?name=a%2Fcoffee.png", content=encoded(COFFEE)).json()


def numbers(answer, kind, channels):
    assert answer.status_code == 200, answer.text
    shape = channels, int(answer.headers["x-height"]), int(answer.headers["x-width"])
    return np.frombuffer(answer.content, kind).reshape(shape)


def test_an_opened_photo_is_known_by_its_name_size_and_bytes(photo):
    assert (photo["name"], photo["width"], photo["height"]) == ("coffee.png", 260, 200)
    assert photo["colored"] is True
    assert photo["kind"] == ".png"
    assert len(photo["blake2b"]) == 32


def test_gray_shows_the_lightness_and_the_original_its_colors(client, photo):
    gray = np.array(Image.open(io.BytesIO(client.get(f"/api/photos/{photo['id']}/gray").content)))
    lightness = rgb_to_lab(torch.from_numpy(COFFEE.copy()).permute(2, 0, 1)[None])[0]
    assert np.array_equal(gray, lab_to_rgb8(lightness, torch.zeros(1, 2, *gray.shape))[0, 0].numpy())
    original = Image.open(io.BytesIO(client.get(f"/api/photos/{photo['id']}/original").content))
    assert np.array_equal(np.array(original), COFFEE)


@pytest.mark.parametrize("model", ["pretrained", "levin"])
def test_a_download_is_what_colorize_gives(client, photo, model):
    answer = client.post(f"/api/photos/{photo['id']}/full?model={model}&kind=.png", content=HINTS)
    assert answer.status_code == 200, answer.text
    expected = Colorizer.load(model, device="cpu").colorize(COFFEE, parse_hints(HINTS))
    assert np.array_equal(np.array(Image.open(io.BytesIO(answer.content))), expected)


def test_fine_colors_on_their_lightness_are_the_download(client, photo):
    """The photo is smaller than what the network sees, so that nothing has to be brought up."""
    seen = numbers(client.get(f"/api/photos/{photo['id']}/seen?model=box&size=fine"), np.float32, 1)
    answer = client.post(f"/api/photos/{photo['id']}/colors?model=box&size=fine", content=HINTS)
    ab = torch.from_numpy(numbers(answer, np.int16, 2) / np.float32(64))[None]
    shown = lab_to_shown_rgb(torch.from_numpy(seen.copy())[None], ab)[0].permute(1, 2, 0).numpy() * 255
    expected = Colorizer.load(device="cpu").colorize(COFFEE, parse_hints(HINTS)).astype(int)
    assert np.mean(np.abs(shown - expected)) < 0.5
    apart = np.mean((shown - COFFEE.astype(int)) ** 2)
    assert float(answer.headers["x-psnr"]) == pytest.approx(10 * np.log10(255**2 / apart), abs=0.1)


def test_while_dragging_networks_see_less_and_a_gray_photo_has_no_psnr(client):
    gray = np.tile(np.arange(600, dtype=np.uint16) % 256, (500, 1)).astype(np.uint8)
    photo = client.post("/api/photos?name=gray.jpg", content=encoded(gray, "JPEG")).json()
    assert photo["colored"] is False
    sizes = {}
    for size in ("256", "fine"):
        answer = client.post(f"/api/photos/{photo['id']}/colors?model=box&size={size}", content=HINTS)
        sizes[size] = numbers(answer, np.int16, 2)[0].size
        assert "x-psnr" not in answer.headers
    assert sizes["256"] < 1.1 * 256**2 < sizes["fine"]


def test_small_steps_go_through_one_thread_and_torch_has_its_threads_back(monkeypatch):
    desk, used, plain = Workspace(ModelList([]), "cpu"), [], SpreadNet.propagate

    def spread(*given):
        used.append(torch.get_num_threads())
        return plain(*given)

    monkeypatch.setattr(SpreadNet, "propagate", spread)
    photo, before = desk.open_sample("coffee")["id"], torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for size in ("256", "fine"):
            desk.colors(photo, "pretrained", size, HINTS.encode())
        assert used == [1, 2]
    finally:
        torch.set_num_threads(before)


def test_only_classes_of_colors_suggest(client, photo):
    assert client.post(f"/api/photos/{photo['id']}/suggest?model=box&x=3&y=4", content=HINTS).json() == []


def test_small_pictures_of_samples_do_not_wait_for_networks():
    quick = TestClient(make_app(ModelList([]), "cpu"), base_url=ORIGIN)  # without its beginning, which loads them
    for name in SAMPLES:
        answer = quick.get(f"/api/samples/{name}")
        assert Image.open(io.BytesIO(answer.content)).size[0] == 300
    assert quick.get("/api/samples/nobody").status_code == 404


def test_photos_beyond_some_are_put_away(client):
    ids = [client.post("/api/samples/coffee").json()["id"] for _ in range(8)]
    assert len(set(ids)) == 8
    assert client.get(f"/api/photos/{ids[0]}/gray").status_code == 404
    assert client.get(f"/api/photos/{ids[-1]}/gray").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:8765", "origin": "http://localhost:8765"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_who_may_ask(client, headers, status):
    assert client.post("/api/samples/coffee", headers=headers).status_code == status


def test_beyond_this_machine_a_token_is_needed():
    app = make_app(ModelList(["levin"]), "cpu", None, "secret")
    with TestClient(app, base_url="http://192.168.1.10:8765") as client:
        assert client.get("/").status_code == 403
        assert client.get("/api/about", headers={"cookie": "chromahint-studio=wrong"}).status_code == 403
        assert client.get("/?token=wrong").status_code == 403
        assert client.get("/?token=secret", follow_redirects=False).headers["location"] == "/"
        assert client.get("/api/about").status_code == 200


@pytest.mark.parametrize(
    "address", ["/assets/..%2Fapp.py", "/assets/%2Fetc%2Fpasswd", "/api/samples/..%2F..%2Fsetup", "/api/photos/x/gray"]
)
def test_no_path_is_ever_opened(client, address):
    assert client.get(address).status_code == 404


def test_the_page_loads_only_what_is_its_own(client):
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("main.js", "studio.css"):
        assert client.get(f"/assets/{name}").status_code == 200


def test_what_is_too_large_is_refused(client, photo):
    answer = client.post(f"/api/photos/{photo['id']}/colors?model=box", content=b" " * (2**21 + 1))
    assert answer.status_code == 413
    giant = encoded(np.zeros((8000, 8000), np.uint8))
    answer = client.post("/api/photos?name=giant.png", content=giant)
    assert answer.status_code == 422
    assert "50 million" in answer.json()["error"]


def test_what_is_wrong_is_said(client, photo):
    answer = client.post("/api/photos?name=notes.txt", content=b"hello")
    assert (answer.status_code, answer.json()["error"][:9]) == (422, "notes.txt")
    beyond = HINTS.replace('"x": 40', '"x": 4000')
    answer = client.post(f"/api/photos/{photo['id']}/colors?model=box", content=beyond)
    assert answer.status_code == 422
    assert "points[0].x=4000" in answer.json()["error"]


def test_malformed_requests_are_no_failure_of_the_server(client, photo, capfd):
    """A few hundred requests with something wrong in them: each is refused, none is met by a traceback."""
    dice = random.Random(0)
    picture = encoded(COFFEE[:40, :40])
    parts = ["photos", photo["id"], "colors", "full", "seen", "suggest", "gray", "samples", "", "%00", "..", "\u20ac"]
    for _ in range(300):
        body = bytearray(dice.choice([HINTS.encode(), picture, b"", b"[" * 5000, b'{"format": 1e999}']))
        for _ in range(dice.randrange(6)):
            if body:
                body[dice.randrange(len(body))] = dice.randrange(256)
        if dice.random() < 0.5:
            address = "/api/" + "/".join(dice.choice(parts) for _ in range(dice.randrange(1, 5)))
        else:
            what = dice.choice(["colors", "full", "seen", "suggest", "gray", "session"])
            address = f"/api/photos/{photo['id']}/{what}"
        words = ["pretrained", "-1", "9" * 40, "x", "", "NaN", "\u0661", "fine", ".png", ".exe", "256"]
        query = "&".join(f"{key}={dice.choice(words)}" for key in ("model", "size", "kind", "x", "y", "name"))
        answer = client.request(dice.choice(["GET", "POST", "PUT"]), f"{address}?{query}", content=bytes(body))
        assert answer.status_code in (200, 400, 404, 405, 413, 422), (address, query, answer.text)
    assert "Traceback" not in capfd.readouterr().err
    assert client.get("/api/about").status_code == 200


def test_a_thousand_clicks_at_once(client, photo):
    """All are answered: with colors, or with a request to come again."""
    found = []

    def click(number):
        hints = HINTS.replace('"x": 40', f'"x": {number % 200}')
        address = f"/api/photos/{photo['id']}/colors?model=levin&size=256"
        found.append(client.post(address, content=hints).status_code)

    waiting = [threading.Thread(target=click, args=(n,)) for n in range(1000)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert len(found) == 1000
    assert set(found) <= {200, 503}
    assert 200 in found
    assert client.get("/api/about").status_code == 200


def test_bytes_that_are_no_request_leave_the_real_server_as_it_was(address):
    """Nonsense, requests cut off, lines without an end: each connection ends, none takes the server down."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    dice = random.Random(1)
    whole = f"POST /api/samples/coffee HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 3\r\n\r\nabc".encode()
    for number in range(150):
        data = bytearray(whole[: dice.randrange(1, len(whole))])
        for _ in range(dice.randrange(8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if number % 10 == 0:
            data = b"GET /" + b"a" * 200_000
        with socket.create_connection((host, int(port)), timeout=30) as connection, contextlib.suppress(OSError):
            connection.sendall(bytes(data))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    with urllib.request.urlopen(f"{address}api/about", timeout=30) as answer:
        assert json.load(answer)["samples"]


def test_a_thousand_clicks_on_the_real_server_are_answered_or_sent_away(address):
    def ask(path, body=b""):
        request = urllib.request.Request(f"{address}{path}", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    with urllib.request.urlopen(urllib.request.Request(f"{address}api/samples/coffee", b""), timeout=60) as answer:
        photo = json.load(answer)["id"]
    with ThreadPoolExecutor(100) as people:
        found = list(
            people.map(lambda _: ask(f"api/photos/{photo}/colors?model=levin&size=128", HINTS.encode()), range(1000))
        )
    assert set(found) <= {200, 503}
    assert 200 in found
    assert ask(f"api/photos/{photo}/colors?model=levin&size=128", HINTS.encode()) == 200


def test_a_session_is_read_into_pixels_of_the_photo(client, photo):
    text = json.dumps(
        {
            "format": "chromahint-hints/1",
            "units": "relative",
            "points": [{"x": 0.5, "y": 1, "color": "#c04020", "radius": 0.1}, {"x": 0, "y": 0, "keep_grey": True}],
            "strokes": [{"points": [[0.25, 0.5], [1, 0.5]], "color": "#30a040"}],
        }
    )
    found = client.post(f"/api/photos/{photo['id']}/session", content=text).json()
    assert found["points"] == [
        {"place": [129.5, 199.0], "color": "#c04020", "radius": 26.0},
        {"place": [0.0, 0.0], "color": None, "radius": 0.0},
    ]
    assert found["strokes"] == [{"path": [[64.5, 99.5], [259.0, 99.5]], "color": "#30a040", "radius": 0.0}]


@pytest.mark.parametrize("size", ["200", "0", "99999", "draft", ""])
def test_sizes_that_are_not_offered_are_refused(client, photo, size):
    answer = client.post(f"/api/photos/{photo['id']}/colors?model=box&size={size}", content=HINTS)
    assert answer.status_code == 422
    assert "is fine, or one of 256" in answer.json()["error"]


def test_a_very_large_photo_is_shown_smaller_and_colored_whole(client):
    rows, columns = np.mgrid[:4000, :5000]
    gray = ((rows // 16 + columns // 16) % 256).astype(np.uint8)
    photo = client.post("/api/photos?name=large.jpg", content=encoded(gray, "JPEG")).json()
    assert (photo["width"], photo["height"]) == (5000, 4000)
    shown = Image.open(io.BytesIO(client.get(f"/api/photos/{photo['id']}/gray").content))
    assert shown.size[0] * shown.size[1] <= 16_000_000
    assert shown.size[0] / shown.size[1] == pytest.approx(1.25, abs=0.001)
    assert np.asarray(shown)[100:-100:50, 100:-100:50].std() > 20
