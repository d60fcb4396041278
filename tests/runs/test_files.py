"""Small files that a reader never meets half of."""

import json
import os

import pytest

from chromahint.runs.files import read_json, write_json, write_text


def test_writes_and_replaces(tmp_path):
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
def test_a_failure_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch, step):
    file = tmp_path / "run.json"
    write_json(file, {"state": "running"})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (type(file), "replace")}[step], full)
    with pytest.raises(OSError, match="No space"):
        write_json(file, {"state": "finished"})
    assert json.loads(file.read_text()) == {"state": "running"}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_what_is_not_json_is_never_written_halfway(tmp_path):
    file = tmp_path / "run.json"
    write_json(file, {"state": "running"})
    with pytest.raises(TypeError):
        write_json(file, {"state": object()})
    assert read_json(file) == {"state": "running"}


def test_others_may_read_it(tmp_path):
    write_text(tmp_path / "x", "")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_damaged_json_is_named(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.json: is not a JSON file"):
        read_json(tmp_path / "x.json")


def test_json_of_another_kind_is_named(tmp_path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"x\.json: holds no JSON object"):
        read_json(tmp_path / "x.json")


def test_missing_json_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"x\.json: cannot be read"):
        read_json(tmp_path / "x.json")
