"""Run folders: create, update, open."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import yaml

from chromahint.runs.run import Run, create_run, iso_now, open_run, timestamp

CONFIG = {"seed": 0, "model": {"_target_": "x.Y", "width": 4}, "name": None, "counts": [0, 1]}


def new_metadata():
    return {"command": "chromahint train seed=0", "overrides": ["seed=0"], "choices": {"model": "unet"}}


def test_new_run_stores_config_overrides_and_metadata(tmp_path):
    run = create_run(tmp_path / "unet" / "today", CONFIG, new_metadata())
    assert run.path == tmp_path / "unet" / "today"
    assert run.config == CONFIG
    assert list(run.config) == list(CONFIG)
    assert yaml.safe_load((run.path / "overrides.yaml").read_text()) == ["seed=0"]
    assert run.metadata["format"] == 2
    assert run.metadata["state"] == "created"
    assert run.metadata["command"] == "chromahint train seed=0"
    assert run.metadata["choices"] == {"model": "unet"}
    assert {"python", "torch", "lightning", "numpy"} <= set(run.metadata["versions"])
    assert "git" in run.metadata


def test_existing_folder_name_gets_a_number(tmp_path):
    names = [create_run(tmp_path / "now", CONFIG, new_metadata()).path.name for _ in range(3)]
    assert names == ["now", "now-2", "now-3"]


def test_concurrent_runs_get_separate_folders(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda number: create_run(tmp_path / "now", {"n": number}, new_metadata()), range(24)))
    assert len({run.path for run in runs}) == 24
    assert [run.config["n"] for run in runs] == list(range(24))


def test_existing_file_of_that_name_is_kept(tmp_path):
    (tmp_path / "now").write_text("mine")
    assert create_run(tmp_path / "now", CONFIG, new_metadata()).path.name == "now-2"
    assert (tmp_path / "now").read_text() == "mine"


def test_update_metadata_adds_and_replaces_fields(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    run.update_metadata(state="running", processes=2)
    run.update_metadata(state="finished")
    assert run.metadata["state"] == "finished"
    assert run.metadata["processes"] == 2
    assert run.metadata["command"] == "chromahint train seed=0"


def test_open_run_accepts_str_and_path(tmp_path):
    created = create_run(tmp_path / "run", CONFIG, new_metadata())
    assert open_run(str(created.path)) == created
    assert open_run(created.path).config == CONFIG


def test_open_run_expands_the_home_folder(tmp_path, monkeypatch):
    create_run(tmp_path / "run", CONFIG, new_metadata())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_run("~/run").config == CONFIG


@pytest.mark.parametrize("name", ["missing", "a file", "a folder"])
def test_path_that_is_not_a_run_is_reported(tmp_path, name):
    (tmp_path / "a file").write_text("x")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(ValueError, match="Pass a .*folder .*runs/NAME/DATE") as caught:
        open_run(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("format_", [1, 3, "2", None])
def test_run_of_another_format_is_refused(tmp_path, format_):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    run.update_metadata(format=format_)
    with pytest.raises(ValueError, match="written by another version of Chromahint. Train again, or use that version"):
        open_run(run.path)


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_invalid_run_json_is_reported(tmp_path, text):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    (run.path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"run\.json"):
        open_run(run.path)


@pytest.mark.parametrize("content", [b"a: [1", b"- 1", b"", b"\xff\xfe\xfd", b"!!python/object:os.system {}"])
def test_invalid_config_is_reported(tmp_path, content):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    (run.path / "config.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.yaml"):
        _ = run.config


def test_missing_config_is_reported(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    (run.path / "config.yaml").unlink()
    with pytest.raises(ValueError, match=r"config\.yaml: cannot be read"):
        _ = run.config


def test_best_checkpoint_falls_back_to_the_last(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    with pytest.raises(ValueError, match="no checkpoint yet"):
        _ = run.best_checkpoint
    run.checkpoints.mkdir()
    (run.checkpoints / "last.ckpt").touch()
    assert run.best_checkpoint.name == "last.ckpt"
    (run.checkpoints / "best.ckpt").touch()
    assert run.best_checkpoint.name == "best.ckpt"


def test_time_formats():
    assert datetime.fromisoformat(iso_now()).tzinfo is not None
    assert datetime.strptime(timestamp(), "%Y-%m-%d_%H-%M-%S")


def test_run_json_is_indented(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, new_metadata())
    text = (run.path / "run.json").read_text()
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert isinstance(run, Run)
