"""A run from its beginning to its end: the folder it leaves, what it prints, and how it ends badly."""

import json
import shutil

import pytest
import torch
import yaml
from PIL import Image

from chromahint.models.pretrained import PRETRAINED_DIR
from chromahint.models.state_dict import read_state_dict
from chromahint.runs.run import open_run
from chromahint.training.lightning_module import ColorizationModule

COUNTS = ["0", "1", "10", "100", "328", "1966"]


def about(run):
    return json.loads((run / "run.json").read_text())


# --- the default run, shrunk to seconds


def test_the_default_run_prints_a_table_of_all_counts_and_three_methods(default_run):
    table = default_run.out
    head = next(line for line in table.splitlines() if "hints" in line and "1,966" in line)
    assert head.split() == ["hints", "0", "1", "10", "100", "328", "1,966"]
    rows = [line.strip() for line in table[table.index(head) :].splitlines()]
    for name in ("spreadnet", "pull-push, no training", "gray, no color"):
        figures = next(row for row in rows if row.startswith(name)).removeprefix(name).split()
        assert len([float(figure) for figure in figures]) == 6


def test_the_default_run_says_where_everything_lies(default_run):
    assert f"run:     {default_run.run.relative_to(default_run.folder)}" in default_run.out
    assert "picture: " in default_run.out
    assert "pictures/strip.png" in default_run.out


def test_the_default_run_is_quiet(default_run):
    assert "warn" not in default_run.err.lower()
    assert "wandb:" not in default_run.err + default_run.out
    assert "Traceback" not in default_run.err


def test_the_default_run_leaves_a_picture(default_run):
    with Image.open(default_run.run / "pictures/strip.png") as picture:
        picture.load()
        # four rows of four columns of 64 px: gray, hints, prediction, truth
        assert picture.mode == "RGB"
        assert picture.width > 4 * 64
        assert picture.height > 4 * 64
        low, high = zip(*picture.getextrema(), strict=True)
        assert max(high) - min(low) > 100


def test_the_default_run_measures_natural_photos(default_run):
    metrics = json.loads((default_run.run / "evaluation/random_pixels/metrics.json").read_text())
    assert list(metrics["by_hints"]) == COUNTS
    assert metrics["size"] == [64, 64]
    names = {line.split(",")[0] for line in (default_run.run / "evaluation/random_pixels/images.csv").open()}
    assert {"astronaut-0-0", "coffee-0-0"} <= names


def test_the_default_run_is_written_down(default_run):
    facts = about(default_run.run)
    assert facts["format"] == 1
    assert facts["state"] == "finished"
    assert facts["created"] <= facts["started"] <= facts["ended"]
    assert facts["command"] == "chromahint train debug=smoke model.width=4 trainer.val_check_interval=1"
    assert facts["choices"]["model"] == "spreadnet"
    assert facts["processes"] >= 1
    assert len(facts["wandb_id"]) == 8
    assert {"python", "torch", "lightning", "wandb"} <= set(facts["versions"])
    assert "error" not in facts


def test_what_a_run_folder_holds(default_run):
    run = default_run.run
    assert run.parent == default_run.folder / "runs" / "spreadnet"
    for name in (
        "run.json", "config.yaml", "overrides.yaml", "metrics.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt",
        "evaluation/random_pixels/metrics.json", "evaluation/random_pixels/images.csv", "pictures/strip.png",
    ):  # fmt: skip
        assert (run / name).stat().st_size > 0, name
    expected = {
        ".lock",
        "run.json",
        "config.yaml",
        "overrides.yaml",
        "metrics.csv",
        "checkpoints",
        "evaluation",
        "pictures",
        "wandb",
    }
    assert {path.name for path in run.iterdir()} == expected
    assert [path.name for path in default_run.folder.iterdir()] == ["runs"]


def test_the_config_is_resolved(smoke_run):
    text = (smoke_run / "config.yaml").read_text()
    assert "${" not in text
    config = yaml.safe_load(text)
    assert config["data"]["eval_size"] == config["protocol"]["size"] == 64
    assert config["trainer"]["max_steps"] == 2


def test_the_three_methods_were_given_the_same_hints(smoke_run):
    folder = smoke_run / "evaluation/random_pixels"
    keys = [
        {tuple(line.split(",")[:3]) for line in (place / "images.csv").open()}
        for place in (folder, folder / "baselines/pullpush", folder / "baselines/gray")
    ]
    assert keys[0] == keys[1] == keys[2]


# --- names


def test_a_name_and_a_place_of_ones_own(command, tiny, tmp_path):
    made = command("train", *tiny, "name=first try", f"runs_dir={tmp_path / 'else where'}")
    assert made.status == 0, made.err
    assert made.run.parent == tmp_path / "else where" / "first try"


def test_two_runs_of_one_second_have_two_folders(command, tiny, monkeypatch):
    monkeypatch.setattr("chromahint.launch.launcher.timestamp", lambda: "2026-01-31_23-59-59")
    runs = [command("train", *tiny).run.name for _ in range(2)]
    assert runs == ["2026-01-31_23-59-59", "2026-01-31_23-59-59-2"]


@pytest.mark.parametrize("boxed", [False, True])
def test_starting_weights_are_taken(command, tiny, smoke_run, boxed):
    file = PRETRAINED_DIR / "spreadnet.safetensors" if boxed else smoke_run / "checkpoints/best.ckpt"
    words = ["model.width=16", "weights=pretrained"] if boxed else [f"weights={file}"]
    made = command("train", *tiny, *words, "optimizer=sgd", "optimizer.lr=1e-12", "callbacks.ema=null")
    assert made.status == 0, made.err
    after = read_state_dict(made.run / "checkpoints/last.ckpt")
    for name, tensor in read_state_dict(file).items():
        if "running" not in name and "tracked" not in name:
            torch.testing.assert_close(after[name], tensor, rtol=0, atol=1e-6)


# --- pictures that cannot be read


@pytest.fixture
def mixed(make_photos, tmp_path):
    """`mixed(train=3)` makes a folder with 6, 2 and 2 good pictures, and so many that can't be read."""

    def make(**broken):
        for split, good in {"train": 6, "val": 2, "test": 2}.items():
            make_photos(tmp_path / "photos" / split, good, seed=good)
            for number in range(broken.get(split, 0)):
                (tmp_path / "photos" / split / f"broken-{number}.jpg").write_text("not a picture")
        return f"data.root={tmp_path / 'photos'}"

    return make


def test_broken_pictures_are_left_out_counted_and_listed(command, tiny, mixed):
    made = command("train", *tiny, mixed(train=2, val=1), "trainer.max_steps=8", "data.max_images=null")
    assert made.status == 0, made.err
    listed = (made.run / "broken.txt").read_text().splitlines()
    assert len(listed) == len(set(listed)) == 3
    assert all("broken-" in line and "not a picture in a known format" in line for line in listed)
    assert f"3 pictures could not be read and were left out: {made.run.relative_to(made.folder)}" in made.out


def test_validation_figures_leave_broken_pictures_out(command, tiny, mixed, read_metrics, tmp_path):
    clean = read_metrics(command("train", *tiny, mixed(), "data.max_images=null").run)
    broken = read_metrics(command("train", *tiny, mixed(val=1), "data.max_images=null").run)
    assert broken["val/psnr"] == pytest.approx(clean["val/psnr"], rel=1e-6)


def test_without_broken_pictures_there_is_no_list(smoke_run):
    assert not (smoke_run / "broken.txt").exists()


def test_a_broken_test_picture_does_not_spoil_the_end(command, tiny, mixed):
    made = command("train", *tiny, mixed(test=1), "data.max_images=null")
    assert made.status == 0, made.err
    assert about(made.run)["state"] == "finished"
    assert (made.run / "pictures/strip.png").is_file()
    metrics = json.loads((made.run / "evaluation/random_pixels/metrics.json").read_text())
    assert metrics["images"] == 2


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_of_nothing_but_broken_pictures(command, tiny, mixed, tmp_path, split):
    words = mixed(**{split: 1})
    for good in (tmp_path / "photos" / split).glob("photo-*"):
        good.unlink()
    ended = command("train", *tiny, words)
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert "pictures can be read" in ended.err
    assert about(ended.run)["state"] == "failed"


# --- bad ends


def failing(monkeypatch, error):
    def step(task, batch, batch_idx):
        raise error

    monkeypatch.setattr(ColorizationModule, "training_step", step)


def test_a_users_mistake_is_a_sentence_and_a_failed_run(command, tiny, monkeypatch):
    failing(monkeypatch, ValueError("data.x=1: type data.x=2"))
    ended = command("train", *tiny)
    assert ended.status == 2
    assert "Error: data.x=1: type data.x=2" in ended.err
    assert (about(ended.run)["state"], about(ended.run)["error"]) == ("failed", "data.x=1: type data.x=2")
    assert "ended" in about(ended.run)


def test_an_unforeseen_error_is_not_hidden_and_noted(command, tiny, monkeypatch, tmp_path):
    failing(monkeypatch, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        command("train", *tiny)
    [run] = (tmp_path / "runs/spreadnet").iterdir()
    assert (about(run)["state"], about(run)["error"]) == ("failed", "RuntimeError: a bug")


def test_a_keyboard_interrupt_is_noted_as_such(command, tiny, monkeypatch):
    failing(monkeypatch, KeyboardInterrupt())
    ended = command("train", *tiny)
    assert ended.status == 130
    assert about(ended.run)["state"] == "interrupted"
    assert "Traceback" not in ended.err


def test_the_job_alone_does_the_same(smoke_run, tmp_path, read_metrics, monkeypatch):
    """What every process of every run starts: `python -m chromahint.training.train RUN`."""
    from chromahint.training.train import main

    monkeypatch.chdir(tmp_path)
    run = tmp_path / "again"
    run.mkdir()
    for name in ("config.yaml", "overrides.yaml", "run.json"):
        shutil.copy(smoke_run / name, run)
    open_run(run).update_metadata(state="created")
    assert main([str(run)]) == 0
    assert about(run)["state"] == "finished"
    assert read_metrics(run) == read_metrics(smoke_run)
