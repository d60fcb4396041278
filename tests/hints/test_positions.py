import hashlib
import subprocess
import sys

import numpy as np
import pytest

from chromahint.hints.positions import positions

# frozen: published figures hang on these numbers
GOLDEN = {
    ("photo", 0, 256, 256): [63442, 33572, 54236, 54892, 15381, 14161, 41237, 36847],
    ("photo", 1, 256, 256): [2387, 17004, 40643, 3638, 39588, 48539, 64030, 64753],
    ("scenes/1/0/17", 0, 64, 48): [319, 742, 1417, 675, 198, 528, 180, 2791],
    ("ein Föto/0,1", 7, 5, 7): [33, 1, 15, 7, 20, 16, 17, 11],
}


def by_definition(picture_id, seed, pixels):
    """The documented order, without short cuts."""
    digest = hashlib.blake2b(f"{seed}/{picture_id}".encode(), digest_size=16).digest()
    numbers = np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(pixels)
    return np.argsort(numbers, kind="stable")


@pytest.mark.parametrize("picture", GOLDEN)
def test_positions_are_frozen(picture):
    assert positions(*picture, 8).tolist() == GOLDEN[picture]


@pytest.mark.parametrize(("height", "width"), [(256, 256), (17, 31), (1, 1)])
@pytest.mark.parametrize("seed", [0, 12])
def test_positions_are_those_of_the_definition(height, width, seed):
    order = by_definition("some id", seed, height * width)
    for count in {0, 1, min(300, height * width), height * width}:
        assert np.array_equal(positions("some id", seed, height, width, count), order[:count])


def test_fewer_positions_are_the_first_of_more():
    most = positions("a", 0, 256, 256, 1966).tolist()
    assert len(set(most)) == 1966
    for count in (0, 1, 10, 100, 257, 1024, 1025):
        assert positions("a", 0, 256, 256, count).tolist() == most[:count]


def test_another_seed_or_id_gives_another_order():
    orders = [positions(name, seed, 64, 64, 50).tolist() for name in ("a", "b") for seed in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_the_text_that_is_hashed_keeps_seed_and_id_apart():
    assert positions("1/a", 1, 64, 64, 50).tolist() != positions("a", 11, 64, 64, 50).tolist()


def test_another_process_gives_the_same():
    code = "from chromahint.hints.positions import positions; print(positions('photo', 0, 256, 256, 8).tolist())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(GOLDEN["photo", 0, 256, 256])


def test_nobody_can_change_the_kept_order():
    with pytest.raises(ValueError):
        positions("a", 0, 8, 8, 3)[0] = 1


@pytest.mark.parametrize("count", [-1, 65])
def test_counts_that_do_not_fit_are_refused(count):
    with pytest.raises(ValueError, match="between 0 and 64 are allowed"):
        positions("a", 0, 8, 8, count)
