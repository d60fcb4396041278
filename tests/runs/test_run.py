"""The run folder: made by one alone, noted in, opened again."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import yaml

from chromahint.runs.run import Run, create_run, iso_now, open_run, timestamp

CONFIG = {"seed": 0, "model": {"_target_": "x.Y", "width": 4}, "name": None, "counts": [0, 1]}


def about():
    return {"command": "chromahint train seed=0", "overrides": ["seed=0"], "choices": {"model": "unet"}}


def test_holds_what_was_asked(tmp_path):
    run = create_run(tmp_path / "unet" / "today", CONFIG, about())
    assert run.path == tmp_path / "unet" / "today"
    assert run.config == CONFIG
    assert list(run.config) == list(CONFIG)
    assert yaml.safe_load((run.path / "overrides.yaml").read_text()) == ["seed=0"]
    assert run.metadata["format"] == 1
    assert run.metadata["state"] == "created"
    assert run.metadata["command"] == "chromahint train seed=0"
    assert run.metadata["choices"] == {"model": "unet"}
    assert {"python", "torch", "lightning", "numpy"} <= set(run.metadata["versions"])
    assert "git" in run.metadata


def test_a_taken_name_gets_a_number(tmp_path):
    names = [create_run(tmp_path / "now", CONFIG, about()).path.name for _ in range(3)]
    assert names == ["now", "now-2", "now-3"]


def test_many_at_once_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda number: create_run(tmp_path / "now", {"n": number}, about()), range(24)))
    assert len({run.path for run in runs}) == 24
    assert [run.config["n"] for run in runs] == list(range(24))


def test_a_file_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "now").write_text("mine")
    assert create_run(tmp_path / "now", CONFIG, about()).path.name == "now-2"
    assert (tmp_path / "now").read_text() == "mine"


def test_notes_are_added_and_replaced(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, about())
    run.update_metadata(state="running", processes=2)
    run.update_metadata(state="finished")
    assert run.metadata["state"] == "finished"
    assert run.metadata["processes"] == 2
    assert run.metadata["command"] == "chromahint train seed=0"


def test_opens_what_was_made(tmp_path):
    made = create_run(tmp_path / "run", CONFIG, about())
    assert open_run(str(made.path)) == made
    assert open_run(made.path).config == CONFIG


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    create_run(tmp_path / "run", CONFIG, about())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_run("~/run").config == CONFIG


@pytest.mark.parametrize("name", ["missing", "a file", "a folder"])
def test_what_is_no_run_is_named_with_what_to_type(tmp_path, name):
    (tmp_path / "a file").write_text("x")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(ValueError, match="a run lies in runs/NAME/DATE") as caught:
        open_run(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("later", [2, "1", None])
def test_another_format_is_refused(tmp_path, later):
    run = create_run(tmp_path / "run", CONFIG, about())
    run.update_metadata(format=later)
    with pytest.raises(ValueError, match="format"):
        open_run(run.path)


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_damaged_run_json_is_named(tmp_path, text):
    run = create_run(tmp_path / "run", CONFIG, about())
    (run.path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"run\.json"):
        open_run(run.path)


@pytest.mark.parametrize("content", [b"a: [1", b"- 1", b"", b"\xff\xfe\xfd", b"!!python/object:os.system {}"])
def test_a_damaged_config_is_named(tmp_path, content):
    run = create_run(tmp_path / "run", CONFIG, about())
    (run.path / "config.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.yaml"):
        _ = run.config


def test_a_missing_config_is_named(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, about())
    (run.path / "config.yaml").unlink()
    with pytest.raises(ValueError, match=r"config\.yaml: cannot be read"):
        _ = run.config


def test_it_is_judged_by_the_best_weights(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, about())
    with pytest.raises(ValueError, match="no checkpoint yet"):
        _ = run.best_checkpoint
    run.checkpoints.mkdir()
    (run.checkpoints / "last.ckpt").touch()
    assert run.best_checkpoint.name == "last.ckpt"
    (run.checkpoints / "best.ckpt").touch()
    assert run.best_checkpoint.name == "best.ckpt"


def test_times():
    assert datetime.fromisoformat(iso_now()).tzinfo is not None
    assert datetime.strptime(timestamp(), "%Y-%m-%d_%H-%M-%S")


def test_run_json_is_written_for_people(tmp_path):
    run = create_run(tmp_path / "run", CONFIG, about())
    text = (run.path / "run.json").read_text()
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert isinstance(run, Run)
