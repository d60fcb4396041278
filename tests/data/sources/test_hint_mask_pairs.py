"""Pairs of hint image and mask are matched by name and converted to hints."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from chromahint.data.sources.hint_mask_pairs import HintMaskPairs, Pairs
from chromahint.images.decode import UnreadableImageError


def write_pair(root, name, size=(12, 10), hints=((2, 3),), seed=0, mask_size=None, kind=".png"):
    """Write a gray image with colored pixels at (row, column), and its mask."""
    rng = np.random.default_rng(seed)
    hint = np.repeat(rng.integers(0, 256, (size[1], size[0], 1), dtype=np.uint8), 3, axis=2)
    mask = np.zeros((*(mask_size or size)[::-1], 3), np.uint8)
    mask[..., 1:] = 255  # only the first channel counts
    for row, column in hints:
        hint[row, column] = rng.integers(0, 256, 3)
        mask[row, column] = (255, 0, 0)
    for folder, image, ending in (("hint", hint, ".png"), ("mask", mask, kind)):
        path = root / folder / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return hint


def test_hints_are_the_colors_at_masked_pixels(tmp_path):
    hint = write_pair(tmp_path, "a", hints=[(2, 3), (9, 11)])
    (pair,) = Pairs(str(tmp_path), size=None)
    lab = rgb2lab(hint)
    assert torch.allclose(pair.lightness[0], torch.tensor(lab[..., 0]).float(), atol=0.05)
    assert pair.hints.mask[0].nonzero().tolist() == [[2, 3], [9, 11]]
    for row, column in ((2, 3), (9, 11)):
        assert pair.hints.ab[:, row, column].tolist() == pytest.approx(lab[row, column, 1:].tolist(), abs=0.05)
    assert pair.hints.ab.ne(0).any(0).nonzero().tolist() == [[2, 3], [9, 11]]


def test_mask_value_254_is_not_a_hint(tmp_path):
    write_pair(tmp_path, "a")
    Image.fromarray(np.full((10, 12), 254, np.uint8)).save(tmp_path / "mask/a.png")
    assert Pairs(str(tmp_path))[0].hints.mask.sum() == 0


def test_squashing_loses_no_hint(tmp_path):
    hint = write_pair(tmp_path, "a", (40, 30), hints=[(0, 0), (29, 39), (14, 20), (10, 10), (11, 10)])
    (pair,) = Pairs(str(tmp_path), size=10)
    assert pair.lightness.shape == (1, 10, 10)
    assert pair.hints.ab.shape == (2, 10, 10)
    # 3x4 pixels become one; the last two hints fall on the same pixel and are averaged
    assert pair.hints.mask[0].nonzero().tolist() == [[0, 0], [3, 2], [4, 5], [9, 9]]
    lab = rgb2lab(hint)
    assert pair.hints.ab[:, 9, 9].tolist() == pytest.approx(lab[29, 39, 1:].tolist(), abs=0.05)
    mixed = (lab[10, 10, 1:] + lab[11, 10, 1:]) / 2
    assert pair.hints.ab[:, 3, 2].tolist() == pytest.approx(mixed.tolist(), abs=0.05)


def test_matched_by_name_in_sorted_order(tmp_path):
    for name in ("b", "a.1", "sub/c", "a.0"):
        write_pair(tmp_path, name, kind=".bmp")
    assert Pairs(str(tmp_path)).names == ["a.0", "a.1", "b", "sub/c"]
    (tmp_path / "mask/b.bmp").unlink()
    write_pair(tmp_path, "d")
    (tmp_path / "hint/d.png").unlink()
    with pytest.raises(ValueError, match=r"hint/b has no partner in mask/; mask/d has no partner in hint/\. Put"):
        Pairs(str(tmp_path))


def test_long_list_of_unmatched_files_is_truncated(tmp_path):
    for number in range(13):
        write_pair(tmp_path, f"{number:02d}")
        (tmp_path / f"hint/{number:02d}.png").unlink()
    with pytest.raises(ValueError, match="mask/09 has no partner in hint/; and 3 more"):
        Pairs(str(tmp_path))


def test_error_if_sizes_differ(tmp_path):
    write_pair(tmp_path, "a", (12, 10), mask_size=(12, 11))
    error = Pairs(str(tmp_path))[0]
    assert isinstance(error, UnreadableImageError)
    assert str(error).endswith("hint/a.png: size is 12x10, but the size of its mask a.png is 12x11")


def test_id_is_a_hash_of_both_files(tmp_path):
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "b")
    write_pair(tmp_path, "c", hints=[(5, 5)])
    pairs = Pairs(str(tmp_path))
    assert pairs.identify(0) == pairs.identify(1) == pairs[1].id
    assert len({pairs.identify(0), pairs.identify(2)}) == 2
    (tmp_path / "mask/b.png").write_bytes((tmp_path / "mask/c.png").read_bytes())
    assert len({pairs.identify(number) for number in range(3)}) == 3


def test_user_errors(tmp_path):
    with pytest.raises(ValueError, match="has no subfolder hint/"):
        Pairs(str(tmp_path))
    for folder in ("hint", "mask"):
        (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match="no images found in hint/ and mask/"):
        Pairs(str(tmp_path))
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "a", kind=".bmp")
    with pytest.raises(ValueError, match=r"mask/a.bmp and mask/a.png have the same name"):
        Pairs(str(tmp_path))
    with pytest.raises(ValueError, match="data.eval_size=0"):
        HintMaskPairs(str(tmp_path), eval_size=0)


def test_pairs_cannot_be_trained_on(tmp_path):
    with pytest.raises(ValueError, match="no ground truth.*Use data=folder"):
        HintMaskPairs(str(tmp_path)).train_dataloader()
