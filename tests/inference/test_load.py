"""A network from what a person names."""

import pickle
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
from skimage import data

from chromahint import Colorizer
from chromahint.config.instantiate import instantiate_node
from chromahint.export.onnx import write_onnx
from chromahint.hints.hints import Hints
from chromahint.inference.load import load_network
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.pretrained import find_pretrained
from chromahint.models.resunet import ResUNet
from chromahint.models.spreadnet import SpreadNet
from chromahint.models.unet import UNet
from chromahint.runs.run import open_run

CPU = torch.device("cpu")
PHOTO = data.chelsea()[:120, :150]
HINTS = [(30, 40, "#aa3311", 4), (110, 90, "#1133aa", 4)]


def told(source):
    sentences = []
    return load_network(source, CPU, sentences.append), sentences


def test_the_box_and_methods_that_learn_nothing():
    loaded, sentences = told("pretrained")
    assert isinstance(loaded.network, SpreadNet)
    assert not loaded.network.training
    assert (loaded.size, loaded.square) == (512, False)
    assert "the weights in the box" in sentences[0]
    content = safetensors.torch.load_file(find_pretrained("chromahint.models.spreadnet.SpreadNet").file)
    for name, tensor in content.items():
        assert torch.equal(loaded.network.state_dict()[name], tensor)
    for name in ("levin", "pullpush"):
        loaded, sentences = told(name)
        assert type(loaded.network).__name__.lower() == name
        assert sentences == []


@pytest.mark.parametrize("what", ["run", "checkpoint"])
def test_a_run(smoke_run, what):
    run = open_run(smoke_run)
    loaded, sentences = told(smoke_run if what == "run" else run.best_checkpoint)
    trained = instantiate_node(run.config["model"])
    state = torch.load(run.best_checkpoint, weights_only=True)["state_dict"]
    for name in trained.state_dict():
        assert torch.equal(loaded.network.state_dict()[name], state[f"network.{name}"])
    assert len(sentences) == 1
    assert not loaded.square


def test_another_network_of_a_run_sees_small_images(train):
    run = train("model=unet")
    loaded, _ = told(str(run))
    assert isinstance(loaded.network, UNet)
    assert (loaded.size, loaded.square) == (256, False)


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_loose_weights_tell_their_network(tmp_path, kind):
    torch.manual_seed(0)
    network = ResUNet(width=4, zero_init_head=False)
    file = tmp_path / f"w.{kind}"
    save = safetensors.torch.save_file if kind == "safetensors" else torch.save
    save(network.state_dict(), file)
    loaded, sentences = told(file)
    assert isinstance(loaded.network, ResUNet)
    assert any("Deep Residual U-Net" in sentence for sentence in sentences)
    assert Colorizer.load(file, device="cpu").colorize(PHOTO, HINTS).shape == PHOTO.shape


def test_released_weights_see_squares(tmp_path):
    with torch.device("meta"):
        like = HSCAUNet(width=64, channel_attention="spatial").state_dict()
    torch.save({name: torch.zeros(()).expand(tensor.shape) for name, tensor in like.items()}, tmp_path / "w.pth")
    loaded, _ = told(tmp_path / "w.pth")
    assert (loaded.size, loaded.square) == (256, True)


def test_an_exported_folder(tmp_path, smoke_run, command):
    exported = command("export", smoke_run, "--format", "safetensors", "-o", tmp_path / "out")
    assert exported.status == 0, exported.err
    loaded, [sentence] = told(tmp_path / "out")
    assert "spreadnet" in sentence
    original, _ = told(smoke_run)
    ours, theirs = (Colorizer(each.network, each.name, each.size).colorize(PHOTO, HINTS) for each in (loaded, original))
    assert (loaded.size, loaded.square) == (512, False)
    np.testing.assert_array_equal(ours, theirs)


def test_an_onnx_file(tmp_path):
    torch.manual_seed(0)
    network = ResUNet(width=4, zero_init_head=False).eval()
    write_onnx(network, tmp_path / "net.onnx", {"network": "resunet"})
    loaded, [sentence] = told(tmp_path / "net.onnx")
    assert "resunet, run by ONNX Runtime" in sentence
    lightness, mask = 100 * torch.rand(1, 1, 40, 51), (torch.rand(1, 1, 40, 51) < 0.1).float()
    hints = Hints(30 * torch.randn(1, 2, 40, 51) * mask, mask)
    torch.testing.assert_close(loaded.network(lightness, hints), network(lightness, hints), atol=1e-2, rtol=1e-4)
    assert Colorizer.load(tmp_path / "net.onnx").colorize(PHOTO, HINTS).shape == PHOTO.shape
    write_onnx(network, tmp_path / "rgb.onnx", {}, rgb=True)
    for name, content, part in (
        ("rgb.onnx", None, "has the inputs image, hint_ab, mask"),
        ("text.onnx", b"no network", "ONNX Runtime cannot read it"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=part):
            Colorizer.load(tmp_path / name)


class Harm:
    def __reduce__(self):
        return (open, ("harm.txt", "w"))


def test_what_is_no_network(tmp_path, monkeypatch, smoke_run):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "harm.pth").write_bytes(pickle.dumps({"weights": Harm()}, protocol=2))
    torch.save({"down.0.0.weight": Harm()}, tmp_path / "harm2.pth")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "stranger.pth")
    untrained = shutil.copytree(smoke_run, tmp_path / "untrained")
    shutil.rmtree(untrained / "checkpoints")
    for source, part in (
        ("nowhere", "nowhere: there is no such run or file of weights; allowed are box, levin, pullpush"),
        ("empty", "not a run folder"),
        ("untrained", "has no checkpoint yet"),
        ("text.pth", r"text\.pth: cannot be read as weights"),
        ("harm.pth", r"harm\.pth: cannot be read as weights.*could run code"),
        ("harm2.pth", r"harm2\.pth: cannot be read as weights.*could run code"),
        ("stranger.pth", "looks like none of Chromahint's networks"),
    ):
        with pytest.raises(ValueError, match=part):
            Colorizer.load(source)
    assert not (tmp_path / "harm.txt").exists()
    with pytest.raises(ValueError, match="device=abacus"):
        Colorizer.load(device="abacus")
    with pytest.raises(ValueError, match="size=3: 16 pixels or more"):
        Colorizer.load(size=3)


def test_networks_color_from_the_same_hints_in_their_own_ways():
    results = [
        Colorizer.load(name, device="cpu").colorize(PHOTO, HINTS) for name in ("pretrained", "levin", "pullpush")
    ]
    assert all(result.shape == PHOTO.shape for result in results)
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[1], results[2])
