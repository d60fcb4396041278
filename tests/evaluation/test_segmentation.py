"""Segmentation finds regions of similar color, and people mark their middles."""

import hashlib
import subprocess
import sys

import numpy as np
import skimage.data
from scipy import ndimage

from chromahint.evaluation.segmentation import click_positions, regions, scribble, segment


def blocks():
    """Return three noisy blocks: the upper half, and two unequal parts of the lower half."""
    image = np.zeros((60, 90, 3), np.uint8)
    image[:30], image[30:, :60], image[30:, 60:] = (200, 40, 40), (40, 180, 60), (30, 60, 190)
    return (image + np.random.default_rng(0).integers(0, 6, image.shape)).astype(np.uint8)


def photo():
    return np.ascontiguousarray(skimage.data.astronaut()[:256:2, 128:384:2])


def test_blocks_are_found_and_numbered_by_size():
    labels = segment(blocks())
    for number, (rows, columns) in enumerate([((3, 27), (3, 87)), ((33, 57), (3, 57)), ((33, 57), (63, 87))]):
        inside = labels[slice(*rows), slice(*columns)]
        assert (inside == number).mean() > 0.98


def test_regions_are_connected_and_not_tiny():
    labels = segment(photo())
    sizes = np.bincount(labels.ravel())
    assert (np.diff(sizes) <= 0).all()
    assert sizes.min() >= labels.size / 500
    assert all(ndimage.label(labels == number)[1] == 1 for number in range(labels.max() + 1))


def test_two_processes_find_the_same(tmp_path):
    code = (
        "import hashlib, numpy as np, skimage.data\n"
        "from chromahint.evaluation.segmentation import click_positions, regions, scribble, segment\n"
        "labels = segment(np.ascontiguousarray(skimage.data.astronaut()[:256:2, 128:384:2]))\n"
        "marks = [labels, click_positions(labels, 50), *map(scribble, regions(labels)[:20])]\n"
        "print(hashlib.sha256(b''.join(each.tobytes() for each in marks)).hexdigest())\n"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    }
    labels = segment(photo())
    marks = [labels, click_positions(labels, 50), *map(scribble, regions(labels)[:20])]
    assert found == {hashlib.sha256(b"".join(each.tobytes() for each in marks)).hexdigest()}


def test_first_clicks_are_the_innermost_pixels():
    labels = segment(blocks())
    for number, (row, column) in enumerate(click_positions(labels, 3)):
        region = np.pad(labels == number, 1)  # the border of the image is a border of the region
        depth = ndimage.distance_transform_edt(region)[1:-1, 1:-1]
        assert depth[row, column] == depth.max()


def test_further_clicks_go_where_most_pixels_have_none():
    labels = segment(blocks())
    positions = click_positions(labels, 40)
    assert len({tuple(place) for place in positions}) == 40
    counts = np.bincount(labels[tuple(positions.T)])
    sizes = np.bincount(labels.ravel())
    several = counts > 1
    assert (sizes[several] / counts[several]).min() >= (sizes / (counts + 1)).max()


def test_scribbles_are_connected_lines_inside_their_regions():
    labels = segment(photo())
    for number, region in enumerate(regions(labels)[:20]):
        path = scribble(region)
        assert (labels[tuple(path.T)] == number).all()
        assert np.abs(np.diff(path, axis=0)).max(initial=0) <= 1
        assert len({tuple(pixel) for pixel in path}) == len(path)


def test_scribble_of_a_long_block_runs_along_it():
    labels = np.ones((40, 100), np.int64)
    labels[10:30, 5:95] = 0
    path = scribble(regions(labels)[0])
    assert np.ptp(path[:, 1]) > 60
    assert np.abs(path[:, 0] - 19.5).mean() < 4


def test_every_region_gets_a_scribble():
    """Thinning by the rules of Zhang and Suen alone erases a few of these shapes."""
    random = np.random.default_rng(0)
    for _ in range(100):
        labels, number = ndimage.label(ndimage.gaussian_filter(random.normal(size=(40, 40)), 3) > 0)
        for region in range(1, number + 1):
            path = scribble(regions(np.where(labels == region, 0, 1))[0])
            assert len(path) >= 1
            assert (labels[tuple(path.T)] == region).all()


def test_uniform_image_is_one_region():
    labels = segment(np.full((20, 30, 3), 77, np.uint8))
    assert labels.max() == 0
    assert len(scribble(regions(labels)[0])) >= 1
