"""What the studio computes for a photo: once, and a preview on one thread."""

import io

import torch
from PIL import Image
from skimage import data

from chromahint.inference import segments
from chromahint.inference.look import Look
from chromahint.models.spreadnet import SpreadNet
from chromahint.studio.model_list import ModelList
from chromahint.studio.workspace import Workspace

COFFEE = data.coffee()[100:180, 150:250]
HINTS = b'{"format": "chromahint-hints/1", "points": [{"x": 4, "y": 3, "color": "#c04020", "radius": 3}]}'


def open_photo(workspace):
    file = io.BytesIO()
    Image.fromarray(COFFEE).save(file, "PNG")
    return workspace.open_photo(file.getvalue(), "coffee.png")["id"]


def test_a_photo_is_encoded_once_for_whatever_is_asked_about_it(monkeypatch):
    workspace, sizes, original = Workspace(ModelList([]), "cpu"), [], SpreadNet.encode

    def count(network, lightness):
        sizes.append(lightness.shape[-2:].numel())
        return original(network, lightness)

    monkeypatch.setattr(SpreadNet, "encode", count)
    photo = open_photo(workspace)
    for _ in range(2):
        assert workspace.suggest(photo, "pretrained", 20, 30, HINTS)
        assert workspace.where_next(photo, "pretrained", HINTS)
        workspace.colors(photo, "pretrained", "native", HINTS)
    assert sizes == [COFFEE.shape[0] * COFFEE.shape[1]]


def test_a_photo_without_hints_is_colored_once(monkeypatch):
    workspace, calls, original = Workspace(ModelList([]), "cpu"), [], SpreadNet.propagate

    def count(*args):
        calls.append(args)
        return original(*args)

    monkeypatch.setattr(SpreadNet, "propagate", count)
    photo = open_photo(workspace)
    none = b'{"format": "chromahint-hints/1"}'
    first, again = (workspace.colors(photo, "pretrained", "native", none) for _ in range(2))
    assert again == first
    assert len(calls) == 1
    hinted = workspace.colors(photo, "pretrained", "native", HINTS, Look(reach="near"))
    assert hinted.data != first.data
    assert len(calls) == 2


def test_the_parts_of_a_photo_are_found_once(monkeypatch):
    workspace, scales, original = Workspace(ModelList([]), "cpu"), [], segments.felzenszwalb

    def count(image, scale, **options):
        scales.append(scale)
        return original(image, scale=scale, **options)

    monkeypatch.setattr(segments, "felzenszwalb", count)
    photo = open_photo(workspace)
    first = workspace.parts(photo, "pretrained", 40, 30)
    assert workspace.parts(photo, "pretrained", 5, 60) != first
    assert workspace.parts(photo, "pretrained", 40, 30) == first
    assert len(scales) == len(set(scales)) > 1


def test_preview_uses_one_thread_and_restores_thread_count(monkeypatch):
    workspace, used, original = Workspace(ModelList([]), "cpu"), [], SpreadNet.propagate

    def propagate(*args):
        used.append(torch.get_num_threads())
        return original(*args)

    monkeypatch.setattr(SpreadNet, "propagate", propagate)
    photo = open_photo(workspace)
    previous = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for size in ("256", "native"):
            workspace.colors(photo, "pretrained", size, HINTS)
        assert used == [1, 2]
    finally:
        torch.set_num_threads(previous)
