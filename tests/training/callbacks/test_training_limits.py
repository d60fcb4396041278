"""When training ends: by steps, epochs or the clock, whichever comes first, and always with a validation."""

from types import SimpleNamespace

import pytest
import torch

SIX_MORE = ["trainer.max_steps=null", "trainer.max_epochs=null", "trainer.max_minutes=null"]


@pytest.fixture
def train(command, tiny, make_photos, tmp_path):
    """Train 6 photos in batches of 2, which is 3 steps an epoch."""
    root = tmp_path / "photos"
    for split, count in {"train": 6, "val": 2, "test": 1}.items():
        make_photos(root / split, count)

    def start(*words):
        made = command("train", *tiny, f"data.root={root}", *SIX_MORE, "trainer.val_check_interval=100", *words)
        assert made.status == 0, made.err
        return made.run

    return start


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on 10 seconds whenever the limits look at it."""
    ticks = iter(range(0, 100_000, 10))
    monkeypatch.setattr(
        "chromahint.training.callbacks.training_limits.time", SimpleNamespace(monotonic=lambda: float(next(ticks)))
    )


def steps(run):
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"]


def validations(run):
    return [int(line.split(",")[0]) for line in (run / "metrics.csv").read_text().splitlines() if ",val/psnr," in line]


def ends_after(run, count):
    """That many optimizer steps, a validation of the last one, and both checkpoints."""
    assert steps(run) == count
    assert validations(run)[-1] == count - 1
    assert len(validations(run)) == len(set(validations(run)))
    assert (run / "checkpoints/best.ckpt").is_file()
    return True


@pytest.mark.parametrize("count", [1, 3, 5])
def test_by_steps(train, count):
    assert ends_after(train(f"trainer.max_steps={count}"), count)


@pytest.mark.parametrize("epochs", [1, 2])
def test_by_epochs(train, epochs):
    assert ends_after(train(f"trainer.max_epochs={epochs}"), 3 * epochs)


def test_by_the_clock(train, clock):
    # the clock shows 0 when training starts, then 10, 20, 30 seconds at the ends of steps
    assert ends_after(train("trainer.max_minutes=0.5"), 3)


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        (["trainer.max_steps=2", "trainer.max_epochs=1", "trainer.max_minutes=1"], 2),
        (["trainer.max_steps=9", "trainer.max_epochs=1", "trainer.max_minutes=1"], 3),
        (["trainer.max_steps=9", "trainer.max_epochs=9", "trainer.max_minutes=0.6"], 4),
    ],
)
def test_whichever_comes_first(train, clock, limits, count):
    assert ends_after(train(*limits), count)


def test_with_a_validation_where_the_end_is(train):
    run = train("trainer.max_steps=4", "trainer.val_check_interval=2")
    assert validations(run) == [1, 3]


def test_validation_every_epoch(train):
    run = train("trainer.max_epochs=2", "trainer.val_check_interval=null")
    assert ends_after(run, 6)
    assert validations(run) == [2, 5]


def test_validation_every_epoch_and_an_end_in_its_middle(train):
    run = train("trainer.max_steps=4", "trainer.val_check_interval=null")
    assert ends_after(run, 4)
    assert validations(run) == [2, 3]


@pytest.mark.parametrize("limit", ["trainer.max_steps=3", "trainer.max_epochs=2"])
def test_accumulation_counts_steps_not_batches(train, limit):
    # two epochs of 3 batches are 6 batches, or 3 steps of 2 batches that may reach over an epoch's end
    run = train(limit, "trainer.accumulate_grad_batches=2", "data.batch_size=1")
    assert steps(run) == (3 if "steps" in limit else 6)
    assert validations(run)[-1] == steps(run) - 1


def test_accumulation_validates_by_steps(train):
    run = train(
        "trainer.max_steps=4", "trainer.accumulate_grad_batches=2", "trainer.val_check_interval=2", "data.batch_size=1"
    )
    assert validations(run) == [1, 3]
