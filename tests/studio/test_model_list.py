"""The list of models: given ones, packaged weights, baselines, and runs."""

import os

from chromahint.studio.model_list import ModelList

PACKAGED = ["SpreadNet", "Levin", "Pull-push"]


def make_run(folder, age, checkpoint="best.ckpt"):
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    file = folder / "checkpoints" / checkpoint
    file.write_bytes(b"")
    os.utime(file, (1e9 - age, 1e9 - age))
    return folder


def titles(models):
    return [choice["title"] for choice in models.choices()]


def test_runs_are_listed_newest_first(tmp_path):
    make_run(tmp_path / "unet" / "old", age=100)
    make_run(tmp_path / "multirun" / "group" / "0-new", age=0)
    make_run(tmp_path / "unet" / "unfinished", age=50, checkpoint="other.ckpt")
    models = ModelList([], tmp_path)
    assert titles(models) == [*PACKAGED, "group/0-new", "unet/old"]
    make_run(tmp_path / "unet" / "newest", age=-100)
    assert titles(models) == [*PACKAGED, "unet/newest", "group/0-new", "unet/old"]
    assert titles(ModelList([], tmp_path / "missing")) == PACKAGED


def test_given_models_come_first_and_only_once(tmp_path):
    run = make_run(tmp_path / "unet" / "mine", age=0)
    assert titles(ModelList([str(run), "levin"], tmp_path)) == ["unet/mine", "Levin", "SpreadNet", "Pull-push"]


def test_keys_are_stable_and_reveal_no_path(tmp_path):
    run = make_run(tmp_path / "unet" / "mine", age=0)
    [key] = [choice["key"] for choice in ModelList([], tmp_path).choices() if choice["title"] == "unet/mine"]
    make_run(tmp_path / "unet" / "newer", age=-1)
    models = ModelList(["pullpush"], tmp_path)
    assert models.source(key) == str(run.resolve())
    assert not any("/" in choice["key"] or "mine" in choice["key"] for choice in models.choices())
