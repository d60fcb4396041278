"""The HTTP API of the studio: photos, colors, limits, malformed requests, and access control."""

import contextlib
import io
import json
import random
import re
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from starlette.testclient import TestClient

import chromahint.studio
from chromahint import Colorizer
from chromahint.color import lab_to_gamut_mapped_rgb, lab_to_rgb8, rgb_to_lab
from chromahint.hints.hint_file import parse_hints
from chromahint.studio.app import create_app
from chromahint.studio.model_list import SAMPLES, ModelList

HINTS = json.dumps(
    {
        "format": "chromahint-hints/1",
        "points": [{"x": 40, "y": 30, "color": "#c04020", "radius": 3}, {"x": 200, "y": 90, "color": "#3060c0"}],
        "strokes": [{"points": [[100, 20], [140, 60]], "color": "#30a040", "radius": 2}],
    }
)
ORIGIN = "http://127.0.0.1:8765"
ASSETS = Path(chromahint.studio.__file__).parent / "assets"


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(ModelList([]), "cpu"), base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client


def encode(pixels, image_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format)
    return file.getvalue()


COFFEE = data.coffee()[100:300, 150:410]


@pytest.fixture
def photo(client):
    return client.post("/api/photos?name=a%2Fcoffee.png", content=encode(COFFEE)).json()


def tensor(response, dtype, channels):
    assert response.status_code == 200, response.text
    shape = channels, int(response.headers["x-height"]), int(response.headers["x-width"])
    return np.frombuffer(response.content, dtype).reshape(shape)


def test_opening_a_photo_returns_its_name_size_and_hash(photo):
    assert (photo["name"], photo["width"], photo["height"]) == ("coffee.png", 260, 200)
    assert photo["has_color"] is True
    assert photo["suffix"] == ".png"
    assert len(photo["blake2b"]) == 32


def test_gray_image_shows_lightness_and_original_keeps_colors(client, photo):
    gray = np.array(Image.open(io.BytesIO(client.get(f"/api/photos/{photo['id']}/gray").content)))
    lightness = rgb_to_lab(torch.from_numpy(COFFEE.copy()).permute(2, 0, 1)[None])[0]
    assert np.array_equal(gray, lab_to_rgb8(lightness, torch.zeros(1, 2, *gray.shape))[0, 0].numpy())
    original = Image.open(io.BytesIO(client.get(f"/api/photos/{photo['id']}/original").content))
    assert np.abs(np.array(original).astype(int) - COFFEE).mean() < 2.5


@pytest.mark.parametrize("model", ["pretrained", "levin"])
def test_download_matches_colorizer(client, photo, model):
    response = client.post(f"/api/photos/{photo['id']}/download?model={model}&suffix=.png", content=HINTS)
    assert response.status_code == 200, response.text
    expected = Colorizer.load(model, device="cpu").colorize(COFFEE, parse_hints(HINTS))
    assert np.array_equal(np.array(Image.open(io.BytesIO(response.content))), expected)


def test_native_size_colors_match_download(client, photo):
    """The photo is smaller than the network input, so colors are not upsampled."""
    lightness = tensor(
        client.get(f"/api/photos/{photo['id']}/network-input?model=pretrained&size=native"), np.float32, 1
    )
    response = client.post(f"/api/photos/{photo['id']}/colors?model=pretrained&size=native", content=HINTS)
    ab = torch.from_numpy(tensor(response, np.int16, 2) / np.float32(64))[None]
    displayed = lab_to_gamut_mapped_rgb(torch.from_numpy(lightness.copy())[None], ab)[0].permute(1, 2, 0).numpy() * 255
    expected = Colorizer.load(device="cpu").colorize(COFFEE, parse_hints(HINTS)).astype(int)
    assert np.mean(np.abs(displayed - expected)) < 0.5
    mse = np.mean((displayed - COFFEE.astype(int)) ** 2)
    assert float(response.headers["x-psnr"]) == pytest.approx(10 * np.log10(255**2 / mse), abs=0.1)


def test_preview_is_smaller_and_gray_photo_has_no_psnr(client):
    gray = np.tile(np.arange(600, dtype=np.uint16) % 256, (500, 1)).astype(np.uint8)
    photo = client.post("/api/photos?name=gray.jpg", content=encode(gray, "JPEG")).json()
    assert photo["has_color"] is False
    sizes = {}
    for size in ("256", "native"):
        response = client.post(f"/api/photos/{photo['id']}/colors?model=pretrained&size={size}", content=HINTS)
        sizes[size] = tensor(response, np.int16, 2)[0].size
        assert "x-psnr" not in response.headers
    assert sizes["256"] < 1.1 * 256**2 < sizes["native"]


def test_model_without_color_classes_suggests_nothing(client, photo):
    assert client.post(f"/api/photos/{photo['id']}/suggestions?model=levin&x=3&y=4", content=HINTS).json() == []


def test_oldest_photos_are_closed_beyond_the_limit(client):
    picture = encode(COFFEE[:40, :40])
    ids = [client.post(f"/api/photos?name={n}.png", content=picture).json()["id"] for n in range(40)]
    assert len(set(ids)) == 40
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
def test_only_same_origin_requests_are_allowed(client, headers, status):
    assert client.post("/api/samples/coffee", headers=headers).status_code == status


def test_other_machines_need_a_token():
    app = create_app(ModelList(["levin"]), "cpu", None, "secret")
    with TestClient(app, base_url="http://192.168.1.10:8765") as client:
        assert client.get("/").status_code == 403
        assert client.get("/api/config", headers={"cookie": "chromahint-studio=wrong"}).status_code == 403
        assert client.get("/?token=wrong").status_code == 403
        assert client.get("/?token=secret", follow_redirects=False).headers["location"] == "/"
        assert client.get("/api/config").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/assets/x/..%2Fapp.py",
        "/assets/x/%2Fetc%2Fpasswd",
        "/assets/x/main.js",
        "/assets/x/samples/..%2F..%2Fapp.py",
        "/api/photos/x/gray",
    ],
)
def test_paths_in_requests_are_never_opened(client, address):
    assert client.get(address).status_code == 404


def test_page_loads_nothing_from_other_sites(client):
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    assert page.headers["cache-control"] == "no-store"
    addresses = re.findall('(?:href|src)="(/[^"]+)"', page.text)
    names = {address.rpartition("/")[2] for address in addresses}
    assert names == {file.name for file in ASSETS.glob("*.*") if file.name != "index.html"}
    for address in addresses:
        asset = client.get(address)
        assert asset.content == (ASSETS / address.rpartition("/")[2]).read_bytes()
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in client.get(address, headers={"accept-encoding": "identity"}).headers


@pytest.mark.parametrize(
    ("folder", "media_type"),
    [("languages", "application/json"), ("fonts", "font/woff2"), ("samples", "image/webp")],
)
def test_files_in_folders_are_kept_by_the_browser_like_the_rest_of_the_page(client, folder, media_type):
    """They are served without the lifespan, which loads models, too."""
    assets = re.search('"(/assets/[^"]+/)main.js"', client.get("/").text)[1]
    files = sorted(file for file in (ASSETS / folder).iterdir() if file.suffix != ".txt")
    assert files
    idle = TestClient(create_app(ModelList([]), "cpu"), base_url=ORIGIN)
    for file in files:
        response = idle.get(f"{assets}{folder}/{file.name}")
        assert response.content == file.read_bytes()
        assert response.headers["content-type"] == media_type
        assert "immutable" in response.headers["cache-control"]
    assert client.get(f"{assets}{folder}/xx.json").status_code == 404
    assert client.get(f"/assets/x/{folder}/{files[0].name}").status_code == 404


def test_texts_of_a_language_are_not_kept_waiting_by_scripts(client):
    page = client.get("/").text
    assert page.count("modulepreload") == page.count('modulepreload" fetchpriority="low"') > 40


def test_each_sample_has_a_picture_and_fonts_come_with_their_license(client):
    assert {file.stem for file in (ASSETS / "samples").glob("*.webp")} == set(SAMPLES)
    assert "SIL Open Font License" in (ASSETS / "fonts" / "OFL.txt").read_text()
    assert "font-src 'self'" in client.get("/").headers["content-security-policy"]


def test_oversized_hints_and_photos_are_rejected(client, photo):
    response = client.post(f"/api/photos/{photo['id']}/colors?model=pretrained", content=b" " * (2**21 + 1))
    assert response.status_code == 413
    giant = encode(np.zeros((8000, 8000), np.uint8))
    response = client.post("/api/photos?name=giant.png", content=giant)
    assert response.status_code == 422
    assert "50 million" in response.json()["error"]


def test_errors_name_the_cause(client, photo):
    response = client.post("/api/photos?name=notes.txt", content=b"hello")
    assert (response.status_code, response.json()["error"][:9]) == (422, "notes.txt")
    beyond = HINTS.replace('"x": 40', '"x": 4000')
    response = client.post(f"/api/photos/{photo['id']}/colors?model=pretrained", content=beyond)
    assert response.status_code == 422
    assert "points[0].x=4000" in response.json()["error"]


def test_malformed_requests_never_crash_the_server(client, photo, capfd):
    """Each of a few hundred malformed requests is rejected without a traceback."""
    rng = random.Random(0)
    image = encode(COFFEE[:40, :40])
    parts = [
        "photos",
        photo["id"],
        "colors",
        "download",
        "network-input",
        "suggestions",
        "gray",
        "samples",
        "",
        "%00",
        "..",
        "\u20ac",
    ]
    for _ in range(300):
        body = bytearray(rng.choice([HINTS.encode(), image, b"", b"[" * 5000, b'{"format": 1e999}']))
        for _ in range(rng.randrange(6)):
            if body:
                body[rng.randrange(len(body))] = rng.randrange(256)
        if rng.random() < 0.5:
            address = "/api/" + "/".join(rng.choice(parts) for _ in range(rng.randrange(1, 5)))
        else:
            action = rng.choice(["colors", "download", "network-input", "suggestions", "gray", "hints"])
            address = f"/api/photos/{photo['id']}/{action}"
        values = ["pretrained", "-1", "9" * 40, "x", "", "NaN", "\u0661", "native", ".png", ".exe", "256"]
        query = "&".join(f"{key}={rng.choice(values)}" for key in ("model", "size", "suffix", "x", "y", "name"))
        response = client.request(rng.choice(["GET", "POST", "PUT"]), f"{address}?{query}", content=bytes(body))
        assert response.status_code in (200, 400, 404, 405, 413, 422), (address, query, response.text)
    assert "Traceback" not in capfd.readouterr().err
    assert client.get("/api/config").status_code == 200


@pytest.mark.slow
def test_thousand_concurrent_clicks(client):
    """Each is answered with colors, or with "try again"."""
    photo, statuses = client.post("/api/photos?name=small.png", content=encode(COFFEE[:20, :20])).json(), []

    def click(number):
        points = [{"x": number % 20, "y": 3, "color": "#c04020"}]
        hints = json.dumps({"format": "chromahint-hints/1", "points": points})
        address = f"/api/photos/{photo['id']}/colors?model=levin&size=256"
        statuses.append(client.post(address, content=hints).status_code)

    threads = [threading.Thread(target=click, args=(n,)) for n in range(1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 1000
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert client.get("/api/config").status_code == 200


def test_real_server_survives_bytes_that_are_not_http(address):
    """Corrupt, truncated, and endless requests end their connection, but not the server."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    rng = random.Random(1)
    request = f"POST /api/samples/coffee HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 3\r\n\r\nabc".encode()
    for number in range(150):
        data = bytearray(request[: rng.randrange(1, len(request))])
        for _ in range(rng.randrange(8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if number % 10 == 0:
            data = b"GET /" + b"a" * 200_000
        with socket.create_connection((host, int(port)), timeout=30) as connection, contextlib.suppress(OSError):
            connection.sendall(bytes(data))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    with urllib.request.urlopen(f"{address}api/config", timeout=30) as response:
        assert json.load(response)["samples"]


@pytest.mark.slow
def test_real_server_answers_or_rejects_a_thousand_clicks(address):
    def post(path, body=b""):
        request = urllib.request.Request(f"{address}{path}", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                response.read()
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    small = urllib.request.Request(f"{address}api/photos?name=small.png", encode(COFFEE[:20, :20]))
    with urllib.request.urlopen(small, timeout=60) as response:
        photo = json.load(response)["id"]
    hints = b'{"format": "chromahint-hints/1", "points": [{"x": 4, "y": 3, "color": "#c04020"}]}'
    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(lambda _: post(f"api/photos/{photo}/colors?model=levin&size=128", hints), range(1000)))
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert post(f"api/photos/{photo}/colors?model=levin&size=128", hints) == 200


def test_hint_file_is_converted_to_photo_pixels(client, photo):
    text = json.dumps(
        {
            "format": "chromahint-hints/1",
            "units": "relative",
            "points": [{"x": 0.5, "y": 1, "color": "#c04020", "radius": 0.1}, {"x": 0, "y": 0, "keep_grey": True}],
            "strokes": [{"points": [[0.25, 0.5], [1, 0.5]], "color": [48, 160, 64]}],
        }
    )
    parsed = client.post(f"/api/photos/{photo['id']}/hints", content=text).json()
    assert parsed["points"] == [
        {"x": 129.5, "y": 199.0, "color": "#c04020", "radius": 26.0},
        {"x": 0.0, "y": 0.0, "keep_grey": True, "radius": 0.0},
    ]
    assert parsed["strokes"] == [{"points": [[64.5, 99.5], [259.0, 99.5]], "color": "#30a040", "radius": 0.0}]


@pytest.mark.parametrize("size", ["200", "0", "99999", "draft", ""])
def test_unknown_sizes_are_rejected(client, photo, size):
    response = client.post(f"/api/photos/{photo['id']}/colors?model=pretrained&size={size}", content=HINTS)
    assert response.status_code == 422
    assert "must be native or one of 256" in response.json()["error"]


def test_very_large_photo_is_displayed_smaller_but_keeps_its_size(client):
    rows, columns = np.mgrid[:3600, :4500]
    gray = ((rows // 16 + columns // 16) % 256).astype(np.uint8)
    photo = client.post("/api/photos?name=large.jpg", content=encode(gray, "JPEG")).json()
    assert (photo["width"], photo["height"]) == (4500, 3600)
    displayed = Image.open(io.BytesIO(client.get(f"/api/photos/{photo['id']}/gray").content))
    assert displayed.size[0] * displayed.size[1] <= 16_000_000
    assert displayed.size[0] / displayed.size[1] == pytest.approx(1.25, abs=0.001)
    assert np.asarray(displayed)[100:-100:50, 100:-100:50].std() > 20
