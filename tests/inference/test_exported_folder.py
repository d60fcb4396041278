"""Exported folders can be opened by Chromahint and by the Hugging Face Hub mixin."""

import json
import os
import subprocess
import sys

import pytest
import torch

from chromahint.hints.hints import hints_from_mask
from chromahint.inference.exported_folder import EXPORT_FORMAT, open_exported_folder, write_exported_folder
from chromahint.inference.fixed_size import FixedSizeWrapper
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.registry import MODEL_CLASSES, create_model
from chromahint.models.state_dict import load_weights
from support.random_weights import perturbed_state

NARROW = {name: {"width": 4} for name in MODEL_CLASSES} | {"icolorit": {"width": 16, "depth": 1}}
FORMS = [*NARROW.items(), ("hscaunet", {"width": 4, "channel_attention": "spatial"})]


def create_random_network(name, options):
    network = create_model(name, options).eval()
    network.load_state_dict(perturbed_state(network))
    return network


def random_inputs(size=40):
    generator = torch.Generator().manual_seed(3)
    lightness = torch.rand(1, 1, size, size + 5, generator=generator) * 100
    ab = torch.rand(1, 2, size, size + 5, generator=generator) * 80 - 40
    return lightness, hints_from_mask(ab, (torch.rand(1, 1, size, size + 5, generator=generator) < 0.05).float())


def export(folder, name="unet", options=None, input_size=None):
    network = create_random_network(name, options or {"width": 4})
    about = {"network": name, "options": options or {"width": 4}, "side": input_size}
    write_exported_folder(folder, network, about, "# card\n")
    return network


@pytest.mark.parametrize(("name", "options"), FORMS, ids=str)
def test_every_network_is_restored(tmp_path, name, options):
    network = export(tmp_path / "out", name, options)
    opened = open_exported_folder(tmp_path / "out")
    lightness, hints = random_inputs()
    with torch.inference_mode():
        assert torch.equal(opened.network(lightness, hints), network(lightness, hints))
    assert (opened.name, opened.options, opened.input_size) == (name, options, None)
    assert not opened.network.training


def test_shared_weights_are_stored_once_and_load_like_other_files(tmp_path):
    options = {"width": 4, "channel_attention": "spatial"}
    network = export(tmp_path / "out", "hscaunet", options)
    restored = HSCAUNet(**options)
    load_weights(restored, tmp_path / "out" / "model.safetensors")
    for tensor, expected in zip(restored.state_dict().values(), network.state_dict().values(), strict=True):
        assert torch.equal(tensor, expected)


@pytest.mark.parametrize("input_size", [None, 32])
def test_hub_mixin_opens_the_folder_offline(tmp_path, input_size):
    pytest.importorskip("huggingface_hub")
    network = export(tmp_path / "out", "hscaunet", {"width": 4, "channel_attention": "spatial"}, input_size)
    lightness, hints = random_inputs()
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
        expected = (network if input_size is None else FixedSizeWrapper(network, input_size))(lightness, hints)
    torch.testing.assert_close(torch.load(tmp_path / "ab.pt", weights_only=True), expected)
    again = open_exported_folder(tmp_path / "again")
    assert again.input_size == input_size
    with torch.inference_mode():
        torch.testing.assert_close(again.network(lightness, hints), network(lightness, hints))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "os.system"}, "unknown network"),
        ({"network": "levin"}, "unknown network"),
        ({"network": ["unet"]}, "network must be a name"),
        ({"options": {"width": 4, "_target_": "os.system"}}, "unknown option '_target_'"),
        ({"options": {"width": "4"}}, "config.json"),
        ({"options": [4]}, "options an object"),
        ({"side": -3}, "side a positive integer"),
        ({"side": True}, "side a positive integer"),
        ({"format": "chromahint-network/2"}, "this version reads chromahint-network/1"),
        ({"options": {"width": 8}}, "does not match the network"),
        # a hundred GB of weights
        ({"options": {"width": 4096}}, r"model\.safetensors: too small for the \d+,\d{3},\d{3},\d{3} parameters"),
    ],
)
def test_invalid_config_builds_nothing(tmp_path, change, message):
    export(tmp_path / "out")
    file = tmp_path / "out" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        open_exported_folder(tmp_path / "out")


def test_error_if_the_folder_is_not_an_export(tmp_path):
    with pytest.raises(ValueError, match="not an exported network"):
        open_exported_folder(tmp_path)


def test_folder_with_other_files_is_not_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    with pytest.raises(ValueError, match=r"holds other files \(thesis.tex\)"):
        export(tmp_path / "out")
    assert [file.name for file in tmp_path.rglob("*")] == ["out", "thesis.tex"]


def test_earlier_export_is_replaced(tmp_path):
    export(tmp_path / "out")
    export(tmp_path / "out", "resunet")
    assert open_exported_folder(tmp_path / "out").name == "resunet"
    assert json.loads((tmp_path / "out" / "config.json").read_text())["format"] == EXPORT_FORMAT
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
