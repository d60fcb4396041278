"""The OpenAPI description of the studio matches its routes, and the server withstands requests made from it."""

import json

import psutil
import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from starlette.testclient import TestClient

from chromahint.studio.app import create_app
from chromahint.studio.model_list import ModelList
from chromahint.studio.routes.page import DESCRIPTION
from support.fuzz import MAX_BYTES, damaged, tries
from support.pictures import PICTURES

OPERATIONS = {
    result.ok().label: result.ok() for result in schemathesis.openapi.from_path(DESCRIPTION).get_all_operations()
}
SECONDS = 120
HINTS = [
    {"format": "chromahint-hints/3", **fields}
    for fields in (
        {"points": [{"x": 4, "y": 3, "color": "#c04020", "radius": 3}, {"x": 7, "y": 9, "keep_grey": True}]},
        {"strokes": [{"points": [[1, 2], [14, 6]], "color": [20, 30, 255], "radius": 2}]},
        {"strokes": [{"points": [[1, 2], [14, 6]], "erase": True, "strength": 0.5}]},
        {"points": [{"x": 4, "y": 3, "color": "#c04020", "area": [[0, 0], [9, 0], [9, 9]], "enabled": True}]},
        {"units": "relative", "points": [{"x": 0.5, "y": 1, "color": "#000000"}]},
        {"palette": ["#c04020", {"color": [20, 30, 255], "weight": 3}]},
        {},
    )
]
BODIES = {
    "POST /api/photos": damaged(*PICTURES),
    **dict.fromkeys(
        (label for label in OPERATIONS if label.startswith("POST /api/photos/")),
        st.sampled_from(HINTS)
        .map(lambda hints: json.dumps(hints).encode())
        .flatmap(lambda text: st.just(text) | damaged(text)),
    ),
}
"""Bodies that get further than those made from the description: pictures, and marks that lie on the photo."""


def test_every_route_is_described_and_every_description_has_a_route():
    routes = create_app(ModelList([]), "cpu").routes
    assert set(OPERATIONS) == {f"{method} {route.path}" for route in routes for method in route.methods - {"HEAD"}}


def test_description_is_served_and_needs_the_token_like_the_rest():
    with TestClient(create_app(ModelList([]), "cpu", None, "secret"), base_url="http://192.168.1.10:8765") as client:
        assert client.get("/api/openapi.yaml").status_code == 403
        client.get("/?token=secret")
        assert client.get("/api/openapi.yaml").content == DESCRIPTION.read_bytes()


@pytest.fixture
def photo(address):
    """The id of an open photo of 24x20 pixels."""
    return requests.post(f"{address}api/photos", PICTURES[3], timeout=SECONDS).json()["id"]


def made_from(operation):
    """A strategy: requests that follow the description, or break it if there is something to break."""
    follows, breaks = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    return follows | breaks if operation.query or operation.body else follows


@pytest.mark.slow
@tries(15, 200)
@pytest.mark.parametrize("label", OPERATIONS)
def test_requests(server, photo, label, tries):
    models = [model["key"] for model in requests.get(f"{server.address}api/config", timeout=SECONDS).json()["models"]]
    process, files = psutil.Process(server.process.pid), sorted(server.folder.rglob("*"))
    memory, statuses = process.memory_info().rss, []

    possible = st.fixed_dictionaries(
        {"model": st.sampled_from(models), "x": st.integers(0, 19), "y": st.integers(0, 23)}
    )

    @tries
    @given(made_from(OPERATIONS[label]), st.none() | st.tuples(possible, BODIES.get(label, st.none())))
    def check(case, replacement):
        # most cases depend on the photo: with a random id, none would get beyond 404
        excluded = [CHECKS.get_one("positive_data_acceptance")]
        if "photo" in case.path_parameters:
            case.path_parameters["photo"] = photo
        if replacement is not None:
            excluded.append(CHECKS.get_one("negative_data_rejection"))
            case.query, body = replacement
            case.body = case.body if body is None else body
        response = case.call(base_url=server.address, timeout=SECONDS)
        statuses.append(response.status_code)
        assert response.status_code != 503
        case.validate_response(response, excluded_checks=excluded)
        assert process.memory_info().rss < memory + MAX_BYTES

    check()
    # without parameters, there is one request to make
    assert len(statuses) >= (tries.max_examples if "{" in label or label in BODIES else 1)
    if label in BODIES:
        assert 200 in statuses
    assert sorted(server.folder.rglob("*")) == files
