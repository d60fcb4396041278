import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

from chromahint.hints.eval_positions import patch_positions, positions

# frozen, because published results depend on these numbers
GOLDEN = {
    ("photo", 0, 256, 256): [63442, 33572, 54236, 54892, 15381, 14161, 41237, 36847],
    ("photo", 1, 256, 256): [2387, 17004, 40643, 3638, 39588, 48539, 64030, 64753],
    ("scenes/1/0/17", 0, 64, 48): [319, 742, 1417, 675, 198, 528, 180, 2791],
    ("ein Föto/0,1", 7, 5, 7): [33, 1, 15, 7, 20, 16, 17, 11],
}


def by_definition(image_id, seed, pixels):
    """Return the documented order, without optimizations."""
    digest = hashlib.blake2b(f"{seed}/{image_id}".encode(), digest_size=16).digest()
    numbers = np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(pixels)
    return np.argsort(numbers, kind="stable")


@pytest.mark.parametrize("image", GOLDEN)
def test_positions_are_frozen(image):
    assert positions(*image, 8).tolist() == GOLDEN[image]


@pytest.mark.parametrize(("height", "width"), [(256, 256), (17, 31), (1, 1)])
@pytest.mark.parametrize("seed", [0, 12])
def test_positions_match_their_definition(height, width, seed):
    order = by_definition("some id", seed, height * width)
    for count in {0, 1, min(300, height * width), height * width}:
        assert np.array_equal(positions("some id", seed, height, width, count), order[:count])


def test_positions_are_nested():
    most = positions("a", 0, 256, 256, 1966).tolist()
    assert len(set(most)) == 1966
    for count in (0, 1, 10, 100, 257, 1024, 1025):
        assert positions("a", 0, 256, 256, count).tolist() == most[:count]


def test_order_depends_on_seed_and_id():
    orders = [positions(name, seed, 64, 64, 50).tolist() for name in ("a", "b") for seed in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_hashed_text_separates_seed_and_id():
    assert positions("1/a", 1, 64, 64, 50).tolist() != positions("a", 11, 64, 64, 50).tolist()


def test_another_process_gives_the_same_order():
    code = "from chromahint.hints.eval_positions import positions; print(positions('photo', 0, 256, 256, 8).tolist())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(GOLDEN["photo", 0, 256, 256])


def test_cached_order_is_read_only():
    with pytest.raises(ValueError):
        positions("a", 0, 8, 8, 3)[0] = 1


@pytest.mark.parametrize("count", [-1, 65])
def test_invalid_counts_raise_value_error(count):
    with pytest.raises(ValueError, match="images of 8x8 pixels allow 0 to 64"):
        positions("a", 0, 8, 8, count)


# frozen like the positions
GOLDEN_PATCHES = {
    ("photo", 0, 256, 256, 6): [[79, 123], [80, 68], [169, 82], [40, 132], [70, 116]],
    ("scenes/1/0/17", 3, 64, 48, 6): [[58, 11], [29, 20], [31, 14], [26, 13], [58, 40]],
}


@pytest.mark.parametrize("image", GOLDEN_PATCHES)
def test_patch_positions_are_frozen(image):
    assert patch_positions(*image, 5).tolist() == GOLDEN_PATCHES[image]


@pytest.mark.parametrize(("height", "width", "side"), [(256, 256, 6), (40, 90, 9), (6, 7, 6)])
def test_patch_positions_match_their_definition(height, width, side):
    digest = hashlib.blake2b(b"4/some id", digest_size=16).digest()
    numbers = np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(4000)
    uniform = (numbers // 2**11).astype(float) / 2**53
    expected = []
    for n, u in zip((height - side + 1, width - side + 1), (uniform[::2], uniform[1::2]), strict=True):
        expected.append(np.floor(scipy.stats.norm.ppf(u, n / 2, n / 4)).clip(0, n - 1).astype(int))
    assert np.array_equal(patch_positions("some id", 4, height, width, side, 2000), np.stack(expected, 1))


def test_patch_positions_are_nested():
    most = patch_positions("a", 0, 256, 256, 6, 501).tolist()
    for count in (0, 1, 2, 100):
        assert patch_positions("a", 0, 256, 256, 6, count).tolist() == most[:count]


def test_patch_positions_depend_on_seed_and_id():
    patches = [patch_positions(name, seed, 64, 64, 6, 20).tolist() for name in ("a", "b") for seed in (0, 1)]
    assert len({str(patch) for patch in patches}) == 4
