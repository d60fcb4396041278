"""Training limits: steps, epochs or minutes, whichever comes first, followed by a validation."""

from types import SimpleNamespace

import pytest
import torch

NO_LIMITS = ["trainer.max_steps=null", "trainer.max_epochs=null", "trainer.max_minutes=null"]


@pytest.fixture
def train(command, tiny, make_photos, tmp_path, no_figures):
    """`train(*overrides)` trains on 6 images in batches of 2, which makes 3 steps per epoch."""
    root = tmp_path / "photos"
    for split, count in {"train": 6, "val": 2, "test": 1}.items():
        make_photos(root / split, count)

    def start(*words):
        made = command("train", *tiny, f"data.root={root}", *NO_LIMITS, "trainer.val_check_interval=100", *words)
        assert made.status == 0, made.err
        return made.run

    return start


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances by 10 seconds whenever the limits read it."""
    ticks = iter(range(0, 100_000, 10))
    monkeypatch.setattr(
        "chromahint.training.callbacks.training_limits.time", SimpleNamespace(monotonic=lambda: float(next(ticks)))
    )


def steps(run):
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"]


def validations(run):
    return [int(line.split(",")[0]) for line in (run / "metrics.csv").read_text().splitlines() if ",val/psnr," in line]


def ends_after(run, count):
    """Check for this many optimizer steps, a validation after the last one, and both checkpoints."""
    assert steps(run) == count
    assert validations(run)[-1] == count - 1
    assert len(validations(run)) == len(set(validations(run)))
    assert (run / "checkpoints/best.ckpt").is_file()
    return True


@pytest.mark.parametrize("count", [1, 3, 5])
def test_max_steps(train, count):
    assert ends_after(train(f"trainer.max_steps={count}"), count)


@pytest.mark.parametrize("epochs", [1, 2])
def test_max_epochs(train, epochs):
    assert ends_after(train(f"trainer.max_epochs={epochs}"), 3 * epochs)


def test_max_minutes(train, clock):
    # the clock reads 0 when training starts, then 10, 20, 30 seconds after each step
    assert ends_after(train("trainer.max_minutes=0.5"), 3)


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        (["trainer.max_steps=2", "trainer.max_epochs=1", "trainer.max_minutes=1"], 2),
        (["trainer.max_steps=9", "trainer.max_epochs=1", "trainer.max_minutes=1"], 3),
        (["trainer.max_steps=9", "trainer.max_epochs=9", "trainer.max_minutes=0.6"], 4),
    ],
)
def test_first_limit_ends_training(train, clock, limits, count):
    assert ends_after(train(*limits), count)


def test_no_second_validation_at_the_end(train):
    run = train("trainer.max_steps=4", "trainer.val_check_interval=2")
    assert validations(run) == [1, 3]


def test_validation_after_every_epoch(train):
    run = train("trainer.max_epochs=2", "trainer.val_check_interval=null")
    assert ends_after(run, 6)
    assert validations(run) == [2, 5]


def test_validation_after_an_incomplete_epoch(train):
    run = train("trainer.max_steps=4", "trainer.val_check_interval=null")
    assert ends_after(run, 4)
    assert validations(run) == [2, 3]


@pytest.mark.parametrize("limit", ["trainer.max_steps=3", "trainer.max_epochs=2"])
def test_limits_count_steps_not_batches(train, limit):
    # two epochs of 3 batches are 6 batches, or 3 steps of 2 batches, which can span epochs
    run = train(limit, "trainer.accumulate_grad_batches=2", "data.batch_size=1")
    assert steps(run) == (3 if "steps" in limit else 6)
    assert validations(run)[-1] == steps(run) - 1


def test_validation_interval_counts_steps(train):
    run = train(
        "trainer.max_steps=4", "trainer.accumulate_grad_batches=2", "trainer.val_check_interval=2", "data.batch_size=1"
    )
    assert validations(run) == [1, 3]
