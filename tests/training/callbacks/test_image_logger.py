"""Sample colorizations that are logged during training."""

import pytest

from chromahint.training.callbacks import image_logger
from chromahint.training.callbacks.image_logger import ImageLogger


@pytest.mark.parametrize(
    ("num_images", "num_hints", "message"),
    [(0, 10, r"callbacks\.image_logger\.num_images=0"), (4, -1, r"callbacks\.image_logger\.num_hints=-1")],
)
def test_invalid_options_are_reported(num_images, num_hints, message):
    with pytest.raises(ValueError, match=message):
        ImageLogger(num_images, num_hints)


def test_no_grid_is_drawn_without_wandb(command, tiny, monkeypatch):
    def fail(*_):
        raise AssertionError("drawn")

    monkeypatch.setattr(image_logger, "sample_grid", fail)
    assert command("train", *tiny).status == 0
