"""The project folder over HTTP: photos and work are kept, conflicts are told, and nobody sees another's photos."""

import errno
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from skimage import data
from starlette.testclient import TestClient

from chromahint import Colorizer
from chromahint.hints.hint_file import read_hints
from chromahint.studio.app import create_app
from chromahint.studio.model_list import ModelList
from chromahint.studio.workspace import Workspace

ORIGIN = "http://127.0.0.1:8765"
COFFEE = data.coffee()[100:300, 150:410]
HINTS = {
    "format": "chromahint-hints/2",
    "units": "px",
    "points": [{"x": 200, "y": 90, "color": "#3060c0", "radius": 3, "keep_grey": False}],
    "strokes": [{"points": [[100, 20], [140, 60]], "color": "#30a040", "radius": 2}],
    "palette": [{"color": "#a03020", "weight": 1.0}],
}


def encode(pixels, image_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "album"


@pytest.fixture
def client(folder):
    with TestClient(create_app(ModelList([]), "cpu", folder=folder), base_url=ORIGIN) as client:
        yield client


def add(client, pixels=COFFEE, name="coffee.png"):
    response = client.post("/api/project/photos", params={"name": name}, content=encode(pixels))
    assert response.status_code == 200, response.text
    return response.json()


def address(photo, action=""):
    return f"/api/project/photos/{photo['key']}{action}"


def save(client, photo, work, revision=0):
    return client.put(address(photo, "/session"), json=work, headers={"if-match": f'"{revision}"'})


def listed(client):
    return {photo["name"]: photo for photo in client.get("/api/project").json()["photos"]}


def test_nothing_is_written_before_something_is_added(client, folder):
    assert client.get("/api/project").json() == {"name": "album", "photos": []}
    assert not folder.exists()


def test_work_is_kept_across_servers_and_colorize_reads_it(client, folder):
    photo = add(client)
    history = {
        "marks": {"points": HINTS["points"], "strokes": []},
        "past": [{"points": [0], "strokes": []}],
        "future": [],
    }
    work = {"hints": HINTS, "settings": {"model": "levin"}, "preparation": {"levels": True}, "history": history}
    assert save(client, photo, work).json() == {"revision": 1}
    with TestClient(create_app(ModelList([]), "cpu", folder=folder), base_url=ORIGIN) as other:
        session = other.get(address(photo, "/session"))
        assert session.headers["etag"] == '"1"'
        assert {name: session.json()[name] for name in work} == work
        assert listed(other)["coffee.png"]["count"] == 2
        assert other.post(address(photo, "/open")).json()["width"] == 260
    [file] = (folder / "sessions").rglob("*.json")
    annotations = read_hints(file)
    assert annotations.points[0][:2] == (200, 90)
    assert json.loads(file.read_text())["photo"]["height"] == 200


def test_the_same_photo_is_kept_once_and_another_of_its_name_beside_it(client):
    first, again, other = add(client), add(client, name="renamed.png"), add(client, COFFEE[::-1])
    assert again["key"] == first["key"] != other["key"]
    assert list(listed(client)) == ["coffee.png", "coffee (2).png"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../evil.png", "evil.png"),
        ("C:\\scans\\a.JPG", "a.JPG"),
        (".hidden.png", "hidden.png"),
        ("\x00/", "photo.jpg"),
    ],
)
def test_names_can_not_leave_the_folder(client, folder, name, kept):
    assert add(client, name=name)["name"] == kept
    assert [path.name for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg")] == [kept]


def test_later_save_is_refused_and_overwrites_nothing(client):
    photo = add(client)
    assert save(client, photo, {"hints": HINTS}).status_code == 200
    refused = save(client, photo, {"hints": {"format": "chromahint-hints/2"}})
    assert (refused.status_code, refused.headers["etag"]) == (412, '"1"')
    assert "another window" in refused.json()["error"]
    assert client.get(address(photo, "/session")).json()["hints"] == HINTS
    assert client.put(address(photo, "/session"), json={}).status_code == 428
    copy = client.post(address(photo, "/copy"), json={"hints": {"format": "chromahint-hints/2"}}).json()
    assert (copy["name"], copy["count"]) == ("coffee (2).png", 0)
    assert client.get(address(photo, "/session")).json()["hints"] == HINTS


@pytest.mark.parametrize(
    "work",
    [
        {"hints": {"format": "chromahint-hints/2", "points": [{"x": 1}]}},
        {"hints": {**HINTS, "points": HINTS["points"] * 5001}},
        {"settings": {"model": "x" * 20_000}},
        {"history": {"past": []}},
        {"revision": 7},
        {"done": "yes"},
        [],
    ],
)
def test_invalid_work_is_refused(client, work):
    photo = add(client)
    assert save(client, photo, work).status_code == 422
    assert client.get(address(photo, "/session")).json()["revision"] == 0


def test_damaged_session_is_reported_and_not_overwritten(client, folder):
    photo = add(client)
    save(client, photo, {"hints": HINTS})
    [file] = (folder / "sessions").rglob("*.json")
    file.write_text(file.read_text()[:100])
    assert str(file) in client.get(address(photo, "/session")).json()["error"]
    assert save(client, photo, {}).status_code == 422
    assert len(file.read_text()) == 100


def test_points_follow_a_photo_that_is_scanned_again_at_another_size(client, folder):
    folder.mkdir()
    Image.fromarray(COFFEE).save(folder / "a.png")
    [photo] = listed(client).values()
    save(client, photo, {"hints": HINTS})
    Image.fromarray(COFFEE).resize((520, 400)).save(folder / "a.png")
    session = client.get(address(photo, "/session")).json()
    assert [session["hints"]["points"][0][name] for name in ("x", "y", "radius")] == [400.5, 180.5, 6]
    assert client.get(address(photo, "/thumbnail")).status_code == 200
    assert save(client, photo, {"hints": session["hints"]}, 1).status_code == 200
    assert client.get(address(photo, "/session")).json()["hints"]["points"][0]["x"] == 400.5


def test_photos_in_the_folder_appear_and_are_never_deleted(client, folder):
    (folder / "1931").mkdir(parents=True)
    for name in ("b.png", "1931/a.jpg"):
        Image.fromarray(COFFEE).save(folder / name)
    (folder / "notes.txt").write_text("no photo")
    (folder / "b-colored.png").write_bytes(encode(COFFEE))
    photos = listed(client)
    assert list(photos) == ["b.png", "a.jpg"]
    assert not photos["b.png"]["added"]
    save(client, photos["b.png"], {"hints": HINTS})
    assert client.delete(address(photos["b.png"])).status_code == 204
    assert listed(client)["b.png"]["revision"] == 0
    assert (folder / "b.png").is_file()
    added = add(client, COFFEE[::-1], "c.png")
    assert client.delete(address(added)).status_code == 204
    assert client.get(address(added, "/session")).status_code == 404
    assert not list(folder.rglob("c.png*"))


def test_points_palette_and_preparation_are_copied_to_another_size(client):
    source, target = add(client), add(client, COFFEE[::2, ::2], "half.png")
    save(client, source, {"hints": HINTS, "preparation": {"levels": True}})
    own = {"format": "chromahint-hints/2", "points": [{"x": 5, "y": 6, "color": "#ff0000"}]}
    save(client, target, {"hints": own})
    request = {"photos": [target["key"]], "parts": ["points", "preparation"]}
    assert client.post(address(source, "/copy-to"), json=request).json() == {"changed": 1}
    session = client.get(address(target, "/session")).json()
    assert session["revision"] == 2
    assert (session["hints"]["points"][0]["x"], session["hints"]["points"][0]["y"]) == (99.75, 44.75)
    assert session["hints"]["points"][0]["radius"] == 1.5
    assert "palette" not in session["hints"]
    assert session["preparation"] == {"levels": True}
    # undo brings back what was there
    [state] = session["history"]["past"]
    assert session["history"]["marks"]["points"][state["points"][0]]["color"] == "#ff0000"
    assert client.post(address(source, "/copy-to"), json={**request, "parts": ["colors"]}).status_code == 422


def test_thumbnail_is_colored_and_follows_the_work(client):
    photo = add(client)
    first = client.get(address(photo, "/thumbnail")).content
    thumbnail = np.array(Image.open(io.BytesIO(first)))
    assert thumbnail.shape == (200, 260, 3)
    assert client.get(address(photo, "/thumbnail")).content == first
    save(client, photo, {"hints": HINTS})
    second = np.array(Image.open(io.BytesIO(client.get(address(photo, "/thumbnail")).content))).astype(int)
    assert np.abs(second[85:95, 195:205] - thumbnail[85:95, 195:205]).max() > 20


def test_zip_has_what_colorize_makes(client, folder):
    photos = [add(client), add(client, COFFEE[::-1])]
    save(client, photos[0], {"hints": {**HINTS, "palette": []}, "settings": {"model": "levin", "reach": "near"}})
    request = {"photos": [photo["key"] for photo in photos], "target": "zip"}
    export = client.post("/api/project/exports", json=request).json()
    assert (export["state"], export["total"]) == ("waiting", 2)
    response = client.get(f"/api/project/exports/{export['id']}/zip")
    assert response.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["coffee-colored.png", "coffee (2)-colored.png"]
        colored = np.array(Image.open(archive.open("coffee-colored.png")))
    [file] = (folder / "sessions").rglob("coffee.png.json")
    assert np.array_equal(colored, Colorizer.load("levin", device="cpu").colorize(COFFEE, read_hints(file)))
    progress = client.get(f"/api/project/exports/{export['id']}").json()
    assert progress == {"state": "finished", "done": 2, "total": 2, "failed": []}
    assert client.get(f"/api/project/exports/{export['id']}/zip").status_code == 409


def test_export_beside_the_originals_leaves_out_what_is_damaged(client, folder):
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(COFFEE).save(folder / name)
    whole = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[:20])
    keys = [photo["key"] for photo in listed(client).values()]
    export = client.post("/api/project/exports", json={"photos": keys, "target": "folder"}).json()
    progress = export
    while progress["state"] in ("waiting", "running"):
        progress = client.get(f"/api/project/exports/{export['id']}").json()
    assert (progress["state"], progress["done"]) == ("finished", 2)
    assert progress["failed"][0].startswith("b.jpg: ")
    assert Image.open(folder / "a-colored.jpg").size == (260, 200)
    assert list(listed(client)) == ["a.jpg", "b.jpg"]


def test_stopped_export_colors_no_more(client):
    keys = [add(client)["key"], add(client, COFFEE[::-1])["key"]]
    export = client.post("/api/project/exports", json={"photos": keys, "target": "zip"}).json()
    assert client.delete(f"/api/project/exports/{export['id']}").json()["state"] == "stopped"
    assert client.get(f"/api/project/exports/{export['id']}/zip").status_code == 409


def test_guests_see_only_their_own_photos(folder):
    app = create_app(ModelList(["levin"]), "cpu", None, "secret", "guest", folder)
    base = "http://192.168.1.10:8765"
    with TestClient(app, base_url=base) as owner:
        owner.get("/?token=secret")
        mine = add(owner)
        guests = [TestClient(app, base_url=base) for _ in range(2)]
        for guest in guests:
            assert guest.get("/api/project").status_code == 403
            assert guest.get("/?token=guest").status_code == 200
            assert listed(guest) == {}
            assert guest.get(address(mine, "/session")).status_code == 404
        theirs = add(guests[0], COFFEE[::-1], "theirs.png")
        for other in (owner, guests[1]):
            assert "theirs.png" not in listed(other)
            assert other.get(address(theirs, "/thumbnail")).status_code == 404
        request = {"photos": [theirs["key"]], "target": "folder"}
        assert guests[0].post("/api/project/exports", json=request).status_code == 403
        # the cookie of a guest survives a new token, and an invented one finds nothing
        person = guests[0].cookies["chromahint-person"]
        assert person not in "".join(str(path) for path in folder.rglob("*"))
        guests[0].get("/?token=guest")
        assert guests[0].cookies["chromahint-person"] == person
        assert listed(guests[0]).keys() == {"theirs.png"}
        forged = TestClient(app, base_url=base, cookies={"chromahint-studio": "guest", "chromahint-person": "../.."})
        assert forged.get("/api/project").status_code == 403


@pytest.mark.parametrize("limit", ["_GUEST_BYTES", "_ALL_GUESTS_BYTES"])
def test_guests_can_not_fill_the_disk(folder, monkeypatch, limit):
    monkeypatch.setattr(f"chromahint.studio.projects.{limit}", 120_000)
    app = create_app(ModelList(["levin"]), "cpu", None, "secret", "guest", folder)
    with TestClient(app, base_url="http://192.168.1.10:8765") as guest:
        guest.get("/?token=guest")
        photo = add(guest, COFFEE[:100])
        response = guest.post("/api/project/photos?name=a.png", content=encode(COFFEE))
        assert response.status_code == 422
        assert "Delete some first" in response.json()["error"]
        assert save(guest, photo, {"preparation": {}}).status_code == 200
        marks = {"points": [{"x": 1, "y": 1, "color": "#aa3300"}] * 5000, "strokes": []}
        work = {"history": {"marks": marks, "past": [], "future": []}}
        assert save(guest, photo, work, 1).status_code == 422
        assert len(list(folder.rglob("*.png"))) == 1


def test_full_disk_is_explained_and_keeps_the_earlier_work(client, monkeypatch):
    photo = add(client)
    save(client, photo, {"hints": HINTS})

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("chromahint.atomic_write.os.fsync", fail)
    response = save(client, photo, {"hints": {"format": "chromahint-hints/2"}}, 1)
    assert response.status_code == 507
    assert "Free some space" in response.json()["error"]
    assert client.get(address(photo, "/session")).json()["hints"] == HINTS


def test_thumbnail_made_during_a_save_is_made_again(client, monkeypatch):
    photo = add(client)
    original = Workspace.color_thumbnail

    def save_meanwhile(workspace, path, session):
        if session["revision"] == 0:
            save(client, photo, {"hints": HINTS})
        return original(workspace, path, session)

    monkeypatch.setattr(Workspace, "color_thumbnail", save_meanwhile)
    first, second = (client.get(address(photo, "/thumbnail")).content for _ in range(2))
    assert first != second
    assert client.get(address(photo, "/thumbnail")).content == second


def test_invalid_copy_adds_nothing(client):
    photo = add(client)
    assert client.post(address(photo, "/copy"), json={"done": "maybe"}).status_code == 422
    assert list(listed(client)) == ["coffee.png"]
