"""Runs from start to end: run folder, output and failures."""

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


def metadata(run):
    return json.loads((run / "run.json").read_text())


# --- the default run, shortened


def test_default_run_prints_a_table_of_all_hint_counts_and_methods(default_run):
    table = default_run.out
    head = next(line for line in table.splitlines() if "hints" in line and "1,966" in line)
    assert head.split() == ["hints", "0", "1", "10", "100", "328", "1,966"]
    rows = [line.strip() for line in table[table.index(head) :].splitlines()]
    for name in ("spreadnet", "pull-push, no training", "gray, no color"):
        values = next(row for row in rows if row.startswith(name)).removeprefix(name).split()
        assert len([float(value) for value in values]) == 6


def test_default_run_prints_paths(default_run):
    assert f"run:     {default_run.run.relative_to(default_run.folder)}" in default_run.out
    assert "picture: " in default_run.out
    assert "pictures/strip.png" in default_run.out


def test_default_run_prints_no_warnings(default_run):
    assert "warn" not in default_run.err.lower()
    assert "wandb:" not in default_run.err + default_run.out
    assert "Traceback" not in default_run.err


def test_default_run_draws_an_image_grid(default_run):
    with Image.open(default_run.run / "pictures/strip.png") as image:
        image.load()
        # four rows of four columns of 64 px: gray, hints, prediction, truth
        assert image.mode == "RGB"
        assert image.width > 4 * 64
        assert image.height > 4 * 64
        low, high = zip(*image.getextrema(), strict=True)
        assert max(high) - min(low) > 100


def test_default_run_is_tested_on_natural_images(default_run):
    metrics = json.loads((default_run.run / "evaluation/random_pixels/metrics.json").read_text())
    assert list(metrics["by_hints"]) == COUNTS
    assert metrics["size"] == [64, 64]
    names = {line.split(",")[0] for line in (default_run.run / "evaluation/random_pixels/images.csv").open()}
    assert {"astronaut-0-0", "coffee-0-0"} <= names


def test_default_run_records_its_metadata(default_run):
    fields = metadata(default_run.run)
    assert fields["format"] == 2
    assert fields["state"] == "finished"
    assert fields["created"] <= fields["started"] <= fields["ended"]
    assert fields["command"] == "chromahint train debug=smoke model.width=4 trainer.val_check_interval=1"
    assert fields["choices"]["model"] == "spreadnet"
    assert fields["processes"] >= 1
    assert len(fields["wandb_id"]) == 8
    assert {"python", "torch", "lightning", "wandb"} <= set(fields["versions"])
    assert "error" not in fields


def test_run_folder_contents(default_run):
    run = default_run.run
    assert run.parent == default_run.folder / "runs" / "spreadnet"
    for name in (
        "run.json", "config.yaml", "overrides.yaml", "metrics.csv", "timings.csv",
        "checkpoints/best.ckpt", "checkpoints/last.ckpt",
        "evaluation/random_pixels/metrics.json", "evaluation/random_pixels/images.csv", "pictures/strip.png",
    ):  # fmt: skip
        assert (run / name).stat().st_size > 0, name
    expected = {
        ".lock",
        "run.json",
        "config.yaml",
        "overrides.yaml",
        "metrics.csv",
        "timings.csv",
        "checkpoints",
        "evaluation",
        "pictures",
        "wandb",
    }
    assert {path.name for path in run.iterdir()} == expected
    assert [path.name for path in default_run.folder.iterdir()] == ["runs"]


def test_config_is_resolved(smoke_run):
    text = (smoke_run / "config.yaml").read_text()
    assert "${" not in text
    config = yaml.safe_load(text)
    assert config["data"]["eval_size"] == config["protocol"]["size"] == 64
    assert config["trainer"]["max_steps"] == 2


def test_all_methods_are_tested_on_the_same_hints(smoke_run):
    folder = smoke_run / "evaluation/random_pixels"
    keys = [
        {tuple(line.split(",")[:3]) for line in (path / "images.csv").open()}
        for path in (folder, folder / "baselines/pullpush", folder / "baselines/gray")
    ]
    assert keys[0] == keys[1] == keys[2]


# --- names


def test_name_and_runs_dir_set_the_run_folder(command, tiny, tmp_path):
    made = command("train", *tiny, "name=first try", f"runs_dir={tmp_path / 'other runs'}")
    assert made.status == 0, made.err
    assert made.run.parent == tmp_path / "other runs" / "first try"


def test_runs_of_the_same_second_get_separate_folders(command, tiny, monkeypatch):
    monkeypatch.setattr("chromahint.launch.launcher.timestamp", lambda: "2026-01-31_23-59-59")
    runs = [command("train", *tiny).run.name for _ in range(2)]
    assert runs == ["2026-01-31_23-59-59", "2026-01-31_23-59-59-2"]


@pytest.mark.parametrize("pretrained", [False, True])
def test_initial_weights_are_loaded(command, tiny, smoke_run, pretrained):
    file = PRETRAINED_DIR / "spreadnet.safetensors" if pretrained else smoke_run / "checkpoints/best.ckpt"
    words = ["model.width=16", "weights=pretrained"] if pretrained else [f"weights={file}"]
    made = command(
        "train", *tiny, "model=spreadnet", *words, "optimizer=sgd", "optimizer.lr=1e-12", "callbacks.ema=null"
    )
    assert made.status == 0, made.err
    after = read_state_dict(made.run / "checkpoints/last.ckpt")
    for name, tensor in read_state_dict(file).items():
        if "running" not in name and "tracked" not in name:
            torch.testing.assert_close(after[name], tensor.float(), rtol=0, atol=1e-6)


# --- unreadable images


@pytest.fixture
def photos_with_unreadable(make_photos, tmp_path):
    """`photos_with_unreadable(train=3)` creates 6, 2 and 2 images, plus the given numbers of unreadable ones."""

    def make(**unreadable):
        for split, good in {"train": 6, "val": 2, "test": 2}.items():
            make_photos(tmp_path / "photos" / split, good, seed=good)
            for number in range(unreadable.get(split, 0)):
                (tmp_path / "photos" / split / f"broken-{number}.jpg").write_text("not a picture")
        return f"data.root={tmp_path / 'photos'}"

    return make


def test_unreadable_images_are_skipped_counted_and_listed(command, tiny, photos_with_unreadable):
    made = command(
        "train", *tiny, photos_with_unreadable(train=2, val=1), "trainer.max_steps=8", "data.max_images=null"
    )
    assert made.status == 0, made.err
    listed = (made.run / "broken.txt").read_text().splitlines()
    assert len(listed) == len(set(listed)) == 3
    assert all("broken-" in line and "not an image in a supported format" in line for line in listed)
    assert f"3 images could not be read and were skipped: {made.run.relative_to(made.folder)}" in made.out


def test_validation_metrics_exclude_unreadable_images(command, tiny, photos_with_unreadable, read_metrics, tmp_path):
    expected = read_metrics(command("train", *tiny, photos_with_unreadable(), "data.max_images=null").run)
    actual = read_metrics(command("train", *tiny, photos_with_unreadable(val=1), "data.max_images=null").run)
    assert actual["val/psnr"] == pytest.approx(expected["val/psnr"], rel=1e-6)


def test_no_list_without_unreadable_images(smoke_run):
    assert not (smoke_run / "broken.txt").exists()


def test_final_evaluation_skips_unreadable_images(command, tiny, photos_with_unreadable):
    made = command("train", *tiny, photos_with_unreadable(test=1), "data.max_images=null")
    assert made.status == 0, made.err
    assert metadata(made.run)["state"] == "finished"
    assert (made.run / "pictures/strip.png").is_file()
    metrics = json.loads((made.run / "evaluation/random_pixels/metrics.json").read_text())
    assert metrics["images"] == 2


@pytest.mark.parametrize("split", ["val", "test"])
def test_split_without_readable_images_is_reported(command, tiny, photos_with_unreadable, tmp_path, split):
    words = photos_with_unreadable(**{split: 1})
    for good in (tmp_path / "photos" / split).glob("photo-*"):
        good.unlink()
    ended = command("train", *tiny, words)
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert "can be read" in ended.err
    assert metadata(ended.run)["state"] == "failed"


# --- failures


def failing(monkeypatch, error):
    def step(module, batch, batch_idx):
        raise error

    monkeypatch.setattr(ColorizationModule, "training_step", step)


def test_value_error_is_printed_and_recorded(command, tiny, monkeypatch):
    failing(monkeypatch, ValueError("data.x=1: type data.x=2"))
    ended = command("train", *tiny)
    assert ended.status == 2
    assert "Error: data.x=1: type data.x=2" in ended.err
    assert (metadata(ended.run)["state"], metadata(ended.run)["error"]) == ("failed", "data.x=1: type data.x=2")
    assert "ended" in metadata(ended.run)


def test_unexpected_error_is_raised_and_recorded(command, tiny, monkeypatch, tmp_path):
    failing(monkeypatch, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        command("train", *tiny)
    [run] = (tmp_path / "runs/unet").iterdir()
    assert (metadata(run)["state"], metadata(run)["error"]) == ("failed", "RuntimeError: a bug")


def test_keyboard_interrupt_is_recorded(command, tiny, monkeypatch):
    failing(monkeypatch, KeyboardInterrupt())
    ended = command("train", *tiny)
    assert ended.status == 130
    assert metadata(ended.run)["state"] == "interrupted"
    assert "Traceback" not in ended.err


def test_training_process_trains_an_existing_run_folder(smoke_run, tmp_path, read_metrics, monkeypatch):
    """Every process of a run starts this: `python -m chromahint.training.train RUN`."""
    from chromahint.training.train import main

    monkeypatch.chdir(tmp_path)
    run = tmp_path / "again"
    run.mkdir()
    for name in ("config.yaml", "overrides.yaml", "run.json"):
        shutil.copy(smoke_run / name, run)
    open_run(run).update_metadata(state="created")
    assert main([str(run)]) == 0
    assert metadata(run)["state"] == "finished"
    assert read_metrics(run) == read_metrics(smoke_run)
