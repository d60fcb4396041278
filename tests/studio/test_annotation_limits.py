"""Limits on the points and strokes of a request: what is beyond them is rejected, what the page draws is not."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from chromahint.studio.app import create_app
from chromahint.studio.model_list import ModelList

WIDTH, HEIGHT = 260, 200


def point(**fields):
    return {"x": 5, "y": 5, "color": "#c04020", **fields}


def stroke(points, **fields):
    return {"points": points, "color": "#c04020", **fields}


@pytest.fixture(scope="module")
def post():
    """Send annotations about a small photo to a route."""
    app = create_app(ModelList(["levin"]), "cpu")
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        file = io.BytesIO()
        Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(file, "PNG")
        photo = client.post("/api/photos", content=file.getvalue()).json()["id"]

        def send(route, **fields):
            text = json.dumps({"format": "chromahint-hints/3", **fields})
            return client.post(f"/api/photos/{photo}/{route}?model=levin", content=text)

        yield send


EXCESSIVE = {
    "radius of a point": (
        {"points": [point(), point(radius=1e6)]},
        "points[1].radius=1e+06: larger than the photo. Use 0 to 260.",
    ),
    "radius of a stroke": (
        {"strokes": [stroke([[1, 1]], radius=261)]},
        "strokes[0].radius=261: larger than the photo. Use 0 to 260.",
    ),
    "relative radius": (
        {"units": "relative", "points": [{"x": 0, "y": 0, "keep_grey": True, "radius": 1.5}]},
        "points[0].radius=1.5: larger than the photo. Use 0 to 1.",
    ),
    "points of a stroke": (
        {"strokes": [stroke([[1, 2]] * 60_000), stroke([[1, 2]] * 60_000)]},
        "strokes and areas with 120,000 points in total: at most 100,000 are allowed here.",
    ),
    "points of areas": (
        {"points": [point(area=[[number, 0], [9, 0], [9, 9]] * 1000) for number in range(40)]},
        "strokes and areas with 120,000 points in total: at most 100,000 are allowed here.",
    ),
    "number of areas": (
        {"points": [point(area=[[number, 0], [9, 0], [9, 9]]) for number in range(41)]},
        "points that are limited to 41 different areas: at most 40 are allowed here.",
    ),
    "number of points": ({"points": [point()] * 5001}, "5,001 points and strokes: at most 5,000 are allowed here."),
    "discs over the whole photo": (
        {"points": [point(radius=200)] * 5000},
        "points and strokes that span 5,000 times the area of the photo: at most 16 times are allowed here.",
    ),
    "zigzag over the whole photo": (
        {"strokes": [stroke([[0, 0], [259, 199]] * 500)]},
        "points and strokes that span 63 times the area of the photo: at most 16 times are allowed here.",
    ),
}


@pytest.mark.parametrize(("annotations", "message"), EXCESSIVE.values(), ids=EXCESSIVE)
@pytest.mark.parametrize("route", ["colors", "download", "hints"])
def test_excessive_annotations_are_rejected(post, route, annotations, message):
    response = post(route, **annotations)
    assert response.status_code == 422
    assert response.json()["error"].startswith(message)


def test_what_the_page_draws_is_allowed(post):
    """The largest brush of the page, on hundreds of points and on long strokes."""
    radius = 0.06 * WIDTH
    points = [point(x=number * 7 % WIDTH, y=number * 11 % HEIGHT, radius=radius) for number in range(400)]
    path = [[number % WIDTH, HEIGHT // 2] for number in range(3000)]
    assert post("colors", points=points).status_code == 200
    assert post("colors", strokes=[stroke(path, radius=radius)]).status_code == 200


def test_disc_as_large_as_the_photo_colors_all_of_it(post):
    response = post("colors", points=[point(radius=WIDTH), point(x=100, y=100, radius=WIDTH)])
    ab = np.frombuffer(response.content, np.int16)
    assert (ab.reshape(2, -1) > 0).all()
