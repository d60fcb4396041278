"""Text and JSON files, written atomically."""

import json
import os

import pytest

from chromahint.runs.files import read_json, write_json, write_text


def test_write_text_replaces_the_file(tmp_path):
    file = tmp_path / "note.txt"
    write_text(file, "one\n")
    write_text(file, "zwei ä\n")
    assert file.read_text(encoding="utf-8") == "zwei ä\n"
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_json_round_trip(tmp_path):
    value = {"a": [1, 2.5, None], "b": {"c": "ü"}}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch, step):
    file = tmp_path / "run.json"
    write_json(file, {"state": "running"})

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (type(file), "replace")}[step], disk_full)
    with pytest.raises(OSError, match="No space"):
        write_json(file, {"state": "finished"})
    assert json.loads(file.read_text()) == {"state": "running"}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_unserializable_value_keeps_the_old_file(tmp_path):
    file = tmp_path / "run.json"
    write_json(file, {"state": "running"})
    with pytest.raises(TypeError):
        write_json(file, {"state": object()})
    assert read_json(file) == {"state": "running"}


def test_files_are_readable_by_others(tmp_path):
    write_text(tmp_path / "x", "")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_invalid_json_is_reported(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.json: not a valid JSON file"):
        read_json(tmp_path / "x.json")


def test_json_that_is_not_an_object_is_reported(tmp_path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"x\.json: must contain a JSON object"):
        read_json(tmp_path / "x.json")


def test_missing_json_is_reported(tmp_path):
    with pytest.raises(ValueError, match=r"x\.json: cannot be read"):
        read_json(tmp_path / "x.json")
