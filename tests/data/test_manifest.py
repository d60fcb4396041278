"""Manifests: what they list, and which differences of a folder they find."""

import json
import shutil

import pytest

from chromahint.data.manifest import read_manifest, verify_manifest
from chromahint.data.sources.folder import Folder


@pytest.fixture
def listed(make_photos, tmp_path, command):
    """A folder of photos and its manifest."""
    folder = make_photos(tmp_path / "set", count=4, size=16)
    words = ("--license", "CC BY 4.0", "--source", "https://example.org/set", "--num-workers", "0")
    done = command("data", "manifest", "set", "-o", "set.json", *words)
    assert done.status == 0, done.err
    assert "4 images" in done.out
    return folder, tmp_path / "set.json"


def test_lists_ids_names_and_sizes(listed):
    folder, file = listed
    manifest, photos = json.loads(file.read_text()), Folder(str(folder)).photos("all")
    assert (manifest["license"], manifest["source"]) == ("CC BY 4.0", "https://example.org/set")
    assert [entry["name"] for entry in manifest["files"]] == [photos.name(index) for index in range(4)]
    assert [entry["id"] for entry in manifest["files"]] == [photos.identify(index) for index in range(4)]
    assert all(entry["size"] == [16, 16] for entry in manifest["files"])
    assert [entry["bytes"] for entry in manifest["files"]] == [file.stat().st_size for file in sorted(folder.iterdir())]


def test_accepts_the_same_photos_under_other_names(listed):
    folder, file = listed
    (folder / "photo-1.png").rename(folder / "other.png")
    (folder / "notes.txt").write_text("not an image")
    photos = verify_manifest(folder, read_manifest(file))
    assert photos.paths == ["other.png", "photo-0.png", "photo-2.png", "photo-3.png"]


def change(folder):
    (folder / "photo-2.png").write_bytes((folder / "photo-2.png").read_bytes() + b"\0")


def remove(folder):
    (folder / "photo-3.png").unlink()
    (folder / "photo-1.png").unlink()


def add(folder):
    change(folder)
    (folder / "a.png").write_bytes(b"new")


def duplicate(folder):
    shutil.copy(folder / "photo-2.png", folder / "copy.png")


@pytest.mark.parametrize(
    ("edit", "difference"),
    [
        (change, r"photo-2.png has changed \(its id is \w{32}, not \w{32}\)"),
        (remove, "photo-1.png is missing"),
        (add, "a.png is not in the manifest"),
        (duplicate, "one of them is there several times"),
    ],
)
def test_names_the_first_difference(listed, command, edit, difference):
    folder, file = listed
    assert command("data", "manifest", folder, "--check", file).status == 0
    edit(folder)
    with pytest.raises(ValueError, match=f"4 images: {difference}.*https://example.org/set"):
        verify_manifest(folder, read_manifest(file))
    done = command("data", "manifest", folder, "--check", file)
    assert done.status == 2
    assert "not the set of its manifest" in done.err


def test_refuses_to_list_a_damaged_image(listed, command):
    folder, _ = listed
    (folder / "photo-2.png").write_bytes(b"damaged")
    done = command("data", "manifest", folder, "--num-workers", "0")
    assert done.status == 2
    assert "photo-2.png: " in done.err


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "files": [{"name": "a", "id": "b"}]}'])
def test_refuses_other_files(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match="not a manifest"):
        read_manifest(tmp_path / "x.json")


def test_refuses_a_manifest_whose_ids_were_edited(listed):
    _, file = listed
    manifest = json.loads(file.read_text())
    manifest["files"][0]["id"] = "0" * 32
    file.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="not a manifest"):
        read_manifest(file)
