"""Sparse hints are equivalent to maps."""

import pytest
import torch

from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.hints.sparse_hints import sparse_from_hints
from chromahint.inference.fixed_size import downsample_hints


def some_hints(height=30, width=41, share=0.2):
    generator = torch.Generator().manual_seed(1)
    ab = torch.randn(1, 2, height, width, generator=generator) * 30
    return hints_from_mask(ab, (torch.rand(1, 1, height, width, generator=generator) < share).float())


def same(a: Hints, b: Hints):
    torch.testing.assert_close(a.ab, b.ab, rtol=0, atol=1e-4)
    assert torch.equal(a.mask, b.mask)


def test_round_trip_preserves_hints():
    hints = some_hints()
    same(sparse_from_hints(hints).to_dense((30, 41)), hints)


@pytest.mark.parametrize("size", [(7, 9), (1, 1), (30, 10), (64, 100)])
def test_to_dense_matches_downsampled_maps(size):
    hints = some_hints()
    same(sparse_from_hints(hints).to_dense(size), downsample_hints(hints, size))


def test_downsampling_keeps_every_hint():
    hints = some_hints(200, 300, share=0.0005)
    assert hints.mask.sum() > 10
    found = sparse_from_hints(hints).to_dense((20, 30))
    for row, column in hints.mask[0, 0].nonzero().tolist():
        assert found.mask[0, 0, row // 10, column // 10] == 1


@pytest.mark.parametrize("size", [(90, 123), (60, 82), (33, 50)])
def test_upsampling_moves_each_hint_to_the_center_of_its_area(size):
    pixels = sparse_from_hints(some_hints())
    moved = pixels.resized(size)
    assert moved.size == size
    assert len(moved.flat_index) == len(pixels.flat_index)
    assert (moved.flat_index.diff() > 0).all()
    old = torch.stack([pixels.flat_index // 41 + 0.5, pixels.flat_index % 41 + 0.5]) / torch.tensor([[30.0], [41.0]])
    new = (
        torch.stack([moved.flat_index // size[1] + 0.5, moved.flat_index % size[1] + 0.5])
        / torch.tensor([*size])[:, None]
    )
    assert ((old - new).abs() * torch.tensor([*size])[:, None]).max() <= 0.5001
    assert torch.equal(moved.ab, pixels.ab)


def test_downsampling_merges_hints_in_the_same_pixel():
    moved = sparse_from_hints(some_hints(share=1.0)).resized((3, 4))
    assert moved.flat_index.tolist() == list(range(12))
    same(moved.to_dense((3, 4)), downsample_hints(some_hints(share=1.0), (3, 4)))
