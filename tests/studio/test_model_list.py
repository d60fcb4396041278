"""What can be chosen: what was named, what is in the package, and runs that are there."""

import os

from chromahint.studio.model_list import ModelList


def make_run(folder, age, checkpoint="best.ckpt"):
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    file = folder / "checkpoints" / checkpoint
    file.write_bytes(b"")
    os.utime(file, (1e9 - age, 1e9 - age))
    return folder


def titles(choices):
    return [choice["title"] for choice in choices.all()]


def test_runs_are_found_below_a_folder_the_newest_first(tmp_path):
    make_run(tmp_path / "unet" / "old", age=100)
    make_run(tmp_path / "multirun" / "group" / "0-new", age=0)
    make_run(tmp_path / "unet" / "begun", age=50, checkpoint="other.ckpt")
    known = ["SpreadNet", "Levin", "Pull-push"]
    choices = ModelList([], tmp_path)
    assert titles(choices) == [*known, "group/0-new", "unet/old"]
    make_run(tmp_path / "unet" / "trained-since", age=-100)
    assert titles(choices) == [*known, "unet/trained-since", "group/0-new", "unet/old"]
    assert titles(ModelList([], tmp_path / "nowhere")) == known


def test_what_is_named_comes_first_and_once(tmp_path):
    run = make_run(tmp_path / "unet" / "mine", age=0)
    assert titles(ModelList([str(run), "levin"], tmp_path)) == ["unet/mine", "Levin", "SpreadNet", "Pull-push"]


def test_a_key_stays_the_same_and_tells_no_path(tmp_path):
    run = make_run(tmp_path / "unet" / "mine", age=0)
    [key] = [choice["key"] for choice in ModelList([], tmp_path).all() if choice["title"] == "unet/mine"]
    make_run(tmp_path / "unet" / "newer", age=-1)
    choices = ModelList(["pullpush"], tmp_path)
    assert choices.source(key) == str(run.resolve())
    assert not any("/" in choice["key"] or "mine" in choice["key"] for choice in choices.all())
