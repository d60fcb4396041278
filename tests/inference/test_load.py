"""Networks are loaded from a name, a run, a weights file or an export."""

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
from support.small_network import SmallNetwork

PHOTO = data.chelsea()[:120, :150]
HINTS = [(30, 40, "#aa3311", 4), (110, 90, "#1133aa", 4)]


def test_pretrained():
    loaded = load_network("pretrained")
    assert isinstance(loaded.network, SpreadNet)
    assert not loaded.network.training
    assert (loaded.image_size, loaded.input_size) == (512, None)
    assert "spreadnet: pretrained on" in loaded.messages[0]
    content = safetensors.torch.load_file(find_pretrained("pretrained").file)
    for name, tensor in content.items():
        assert torch.equal(loaded.network.state_dict()[name], tensor)


@pytest.mark.parametrize("name", ["levin", "pullpush"])
def test_baseline_has_no_weights(name):
    loaded = load_network(name)
    assert type(loaded.network).__name__.lower() == name
    assert loaded.messages == ()
    with pytest.raises(ValueError, match=f"{name}: has no weights to export"):
        loaded.require_spec()


@pytest.mark.parametrize("source", ["run", "checkpoint"])
def test_run(smoke_run, source):
    run = open_run(smoke_run)
    loaded = load_network(smoke_run if source == "run" else run.best_checkpoint)
    trained = instantiate_node(run.config["model"])
    state = torch.load(run.best_checkpoint, weights_only=True)["state_dict"]
    for name in trained.state_dict():
        assert torch.equal(loaded.network.state_dict()[name], state[f"network.{name}"])
    assert len(loaded.messages) == 1
    assert loaded.input_size is None
    assert loaded.require_spec().train_size == run.config["data"]["train_size"]


def test_other_networks_of_a_run_color_smaller_images(train):
    loaded = load_network(str(train("model=unet")))
    assert isinstance(loaded.network, UNet)
    assert (loaded.image_size, loaded.input_size) == (256, None)


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_network_of_a_weights_file_is_detected(tmp_path, kind):
    torch.manual_seed(0)
    network = ResUNet(width=4, zero_init_head=False)
    file = tmp_path / f"w.{kind}"
    save = safetensors.torch.save_file if kind == "safetensors" else torch.save
    save(network.state_dict(), file)
    loaded = load_network(file)
    assert isinstance(loaded.network, ResUNet)
    assert any("Deep Residual U-Net" in message for message in loaded.messages)
    assert Colorizer.load(file, device="cpu").colorize(PHOTO, HINTS).shape == PHOTO.shape


def test_images_are_squashed_for_released_weights(tmp_path):
    with torch.device("meta"):
        like = HSCAUNet(width=64, channel_attention="spatial").state_dict()
    torch.save({name: torch.zeros(()).expand(tensor.shape) for name, tensor in like.items()}, tmp_path / "w.pth")
    loaded = load_network(tmp_path / "w.pth")
    assert (loaded.image_size, loaded.input_size) == (256, 256)


def test_exported_folder(tmp_path, smoke_run, command):
    exported = command("export", smoke_run, "--format", "safetensors", "-o", tmp_path / "out")
    assert exported.status == 0, exported.err
    loaded, original = load_network(tmp_path / "out"), load_network(smoke_run)
    assert loaded.messages == ("out: exported spreadnet",)
    assert (loaded.image_size, loaded.input_size) == (512, None)
    assert loaded.require_spec().options == original.require_spec().options
    colored, expected = (
        Colorizer(each.network, each.name, each.image_size).colorize(PHOTO, HINTS) for each in (loaded, original)
    )
    np.testing.assert_array_equal(colored, expected)


def test_onnx_file(tmp_path):
    torch.manual_seed(0)
    network = SmallNetwork().eval().requires_grad_(False)
    write_onnx(network, tmp_path / "net.onnx", {"network": "resunet"})
    loaded = load_network(tmp_path / "net.onnx")
    assert loaded.messages == ("net.onnx: resunet, run by ONNX Runtime",)
    assert loaded.spec is None
    lightness, mask = 100 * torch.rand(1, 1, 40, 51), (torch.rand(1, 1, 40, 51) < 0.1).float()
    hints = Hints(30 * torch.randn(1, 2, 40, 51) * mask, mask)
    torch.testing.assert_close(loaded.network(lightness, hints), network(lightness, hints), atol=1e-2, rtol=1e-4)
    assert Colorizer.load(tmp_path / "net.onnx").colorize(PHOTO, HINTS).shape == PHOTO.shape
    write_onnx(network, tmp_path / "rgb.onnx", {}, rgb=True)
    for name, content, part in (
        ("rgb.onnx", None, "has the inputs image, hint_ab, mask"),
        ("text.onnx", b"not a network", "ONNX Runtime can't read the file"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=part):
            Colorizer.load(tmp_path / name)


class Malicious:
    def __reduce__(self):
        return (open, ("harm.txt", "w"))


def test_user_errors(tmp_path, monkeypatch, smoke_run):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pth").write_text("not weights")
    (tmp_path / "harm.pth").write_bytes(pickle.dumps({"weights": Malicious()}, protocol=2))
    torch.save({"down.0.0.weight": Malicious()}, tmp_path / "harm2.pth")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "stranger.pth")
    untrained = shutil.copytree(smoke_run, tmp_path / "untrained")
    shutil.rmtree(untrained / "checkpoints")
    for source, part in (
        ("nowhere", "nowhere: file or folder not found. Pass pretrained, spreadnet, .*levin, pullpush"),
        ("empty", "not a run folder"),
        ("untrained", "has no checkpoint yet"),
        ("text.pth", r"text\.pth: cannot be read as weights"),
        ("harm.pth", r"harm\.pth: cannot be read as weights.*could run code"),
        ("harm2.pth", r"harm2\.pth: cannot be read as weights.*could run code"),
        ("stranger.pth", "matches none of Chromahint's networks"),
    ):
        with pytest.raises(ValueError, match=part):
            Colorizer.load(source)
    assert not (tmp_path / "harm.txt").exists()
    with pytest.raises(ValueError, match="device=abacus"):
        Colorizer.load(device="abacus")
    with pytest.raises(ValueError, match="size=3: must be an integer >= 16"):
        Colorizer.load(size=3)


def test_networks_color_differently_from_the_same_hints():
    results = [
        Colorizer.load(name, device="cpu").colorize(PHOTO, HINTS) for name in ("pretrained", "levin", "pullpush")
    ]
    assert all(result.shape == PHOTO.shape for result in results)
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[1], results[2])
