"""A network as a folder: what is written is what is opened, by Chromahint and by the hub's own mixin."""

import json
import os
import subprocess
import sys

import pytest
import torch

from chromahint.hints.hints import hints_from_mask
from chromahint.inference.exported_folder import FORMAT, open_exported_folder, write_exported_folder
from chromahint.inference.fixed_size import FixedSizeWrapper
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.registry import MODEL_CLASSES, create_model
from chromahint.models.state_dict import load_weights
from support.random_weights import perturbed_state

NARROW = {name: {"width": 4} for name in MODEL_CLASSES} | {"icolorit": {"width": 16, "depth": 1}}
FORMS = [*NARROW.items(), ("hscaunet", {"width": 4, "channel_attention": "spatial"})]


def filled(name, options):
    network = create_model(name, options).eval()
    network.load_state_dict(perturbed_state(network))
    return network


def image(side=40):
    generator = torch.Generator().manual_seed(3)
    lightness = torch.rand(1, 1, side, side + 5, generator=generator) * 100
    ab = torch.rand(1, 2, side, side + 5, generator=generator) * 80 - 40
    return lightness, hints_from_mask(ab, (torch.rand(1, 1, side, side + 5, generator=generator) < 0.05).float())


def written(folder, name="unet", options=None, side=None):
    network = filled(name, options or {"width": 4})
    about = {"network": name, "options": options or {"width": 4}, "side": side}
    write_exported_folder(folder, network, about, "# card\n")
    return network


@pytest.mark.parametrize(("name", "options"), FORMS, ids=str)
def test_every_network_comes_back(tmp_path, name, options):
    network = written(tmp_path / "out", name, options)
    opened = open_exported_folder(tmp_path / "out")
    lightness, hints = image()
    with torch.inference_mode():
        assert torch.equal(opened.network(lightness, hints), network(lightness, hints))
    assert (opened.name, opened.options, opened.input_size) == (name, options, None)
    assert not opened.network.training


def test_weights_of_two_names_are_stored_once_and_load_as_any_other_file(tmp_path):
    options = {"width": 4, "channel_attention": "spatial"}
    network = written(tmp_path / "out", "hscaunet", options)
    again = HSCAUNet(**options)
    load_weights(again, tmp_path / "out" / "model.safetensors")
    for ours, theirs in zip(again.state_dict().values(), network.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("side", [None, 32])
def test_the_mixin_of_the_hub_opens_it_without_a_network(tmp_path, side):
    pytest.importorskip("huggingface_hub")
    network = written(tmp_path / "out", "hscaunet", {"width": 4, "channel_attention": "spatial"}, side)
    lightness, hints = image()
    torch.save([lightness, hints.ab, hints.mask], tmp_path / "inputs.pt")
    code = (
        "import torch\n"
        "from chromahint.export.hub import HubNetwork\n"
        f"network = HubNetwork.from_pretrained({str(tmp_path / 'out')!r}).eval()\n"
        f"with torch.inference_mode():\n"
        f"    torch.save(network(*torch.load({str(tmp_path / 'inputs.pt')!r})), {str(tmp_path / 'ab.pt')!r})\n"
        f"network.save_pretrained({str(tmp_path / 'again')!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with torch.inference_mode():
        expected = (network if side is None else FixedSizeWrapper(network, side))(lightness, hints)
    torch.testing.assert_close(torch.load(tmp_path / "ab.pt", weights_only=True), expected)
    again = open_exported_folder(tmp_path / "again")
    assert again.input_size == side
    with torch.inference_mode():
        torch.testing.assert_close(again.network(lightness, hints), network(lightness, hints))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": "os.system"}, "unknown network"),
        ({"network": "levin"}, "unknown network"),
        ({"network": ["unet"]}, "network is a name"),
        ({"options": {"width": 4, "_target_": "os.system"}}, "unknown option '_target_'"),
        ({"options": {"width": "4"}}, "config.json"),
        ({"options": [4]}, "options an object"),
        ({"side": -3}, "side a number of pixels"),
        ({"side": True}, "side a number of pixels"),
        ({"format": "chromahint-network/2"}, "this version reads chromahint-network/1"),
        ({"options": {"width": 8}}, "does not match the network"),
    ],
)
def test_a_strange_config_builds_nothing(tmp_path, change, said):
    written(tmp_path / "out")
    file = tmp_path / "out" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ValueError, match=said):
        open_exported_folder(tmp_path / "out")


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is no exported network"):
        open_exported_folder(tmp_path)


def test_other_things_stay_where_they_are(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    with pytest.raises(ValueError, match=r"holds other things \(thesis.tex\)"):
        written(tmp_path / "out")
    assert [file.name for file in tmp_path.rglob("*")] == ["out", "thesis.tex"]


def test_an_earlier_export_is_replaced(tmp_path):
    written(tmp_path / "out")
    written(tmp_path / "out", "resunet")
    assert open_exported_folder(tmp_path / "out").name == "resunet"
    assert json.loads((tmp_path / "out" / "config.json").read_text())["format"] == FORMAT
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
