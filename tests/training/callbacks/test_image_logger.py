"""The strip of a few photos that a run draws."""

import numpy as np
import pytest
import torch

from chromahint.data.sources.folder import Folder
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush
from chromahint.training.callbacks.image_logger import ImageLogger, draw_strip

CPU = torch.device("cpu")


def strip(photos, network=None, **options):
    return draw_strip(
        network or PullPush(), Folder(str(photos)).photos("all"), RandomPixels([0, 10], 64), CPU, **options
    )


def test_a_row_a_photo(photos):
    two, four = strip(photos, most=2), strip(photos, most=4)
    assert two.dtype == np.uint8
    assert two.shape[1] == four.shape[1]
    assert four.shape[0] - two.shape[0] >= 2 * 64


def test_no_more_rows_than_photos(make_photos, tmp_path):
    few = make_photos(tmp_path / "few", 2)
    assert strip(few, most=4).shape == strip(few, most=2).shape


def test_always_the_same_photos_and_hints(photos):
    assert np.array_equal(strip(photos, hints=30), strip(photos, hints=30))


def test_the_network_and_the_hints_are_seen(photos):
    assert not np.array_equal(strip(photos, hints=30), strip(photos, network=GrayBaseline(), hints=30))
    assert not np.array_equal(strip(photos, hints=30), strip(photos, hints=300))


def test_more_hints_than_pixels_are_all_pixels(photos):
    assert np.array_equal(strip(photos, hints=10**6), strip(photos, hints=64 * 64))


def test_photos_that_cannot_be_read_are_passed_over(make_photos, tmp_path):
    folder = make_photos(tmp_path / "some", 3)
    whole = strip(folder)
    (folder / "a-broken.png").write_text("not a picture")
    assert np.array_equal(strip(folder), whole)


@pytest.mark.parametrize(("photos_", "hints"), [(0, 10), (4, -1)])
def test_impossible_numbers(photos_, hints):
    with pytest.raises(ValueError, match=r"callbacks\.image_logger"):
        ImageLogger(photos_, hints)


def test_without_wandb_nothing_is_drawn_on_the_way(command, tiny, monkeypatch):
    from chromahint.training.callbacks import image_logger as pictures

    def drawn(*_):
        raise AssertionError("drawn")

    monkeypatch.setattr(pictures, "draw_strip", drawn)
    assert command("train", *tiny).status == 0
