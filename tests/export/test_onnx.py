"""ONNX Runtime reproduces the results of PyTorch for images of any size."""

import json

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.export.onnx import write_onnx
from chromahint.export.onnx_interface import LabExportWrapper
from chromahint.hints.hints import Hints, concatenate_hints, hints_from_mask, no_hints
from chromahint.inference.onnx_network import OnnxNetwork
from chromahint.models.registry import MODEL_CLASSES, create_model
from support.random_weights import perturbed_state
from support.small_network import SmallNetwork

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

QUICK = [
    ("icolorit", {"width": 16, "depth": 2, "mask_offset": 0.5}),
    ("unet", {"width": 4}),
]
SLOW = [
    ("attention_unet", {"width": 4}),
    ("hscaunet", {"width": 4, "channel_attention": "cbam"}),
    ("multibranch", {"width": 4}),
    ("resunet", {"width": 4}),
    ("resunet", {"width": 4, "blocks": "alresnet"}),
    ("spreadnet", {"width": 4, "propagation_steps": 0, "attention_blocks": 1}),
    ("xiao2019", {"width": 4}),
    ("zhang2016", {"width": 4, "temperature": 1.0}),
    ("zhang2017", {"width": 4}),
]
# each takes half a minute; SpreadNet with all its steps takes minutes
NIGHTLY = [
    ("attention_unet", {"width": 4, "mask": False}),
    ("hscaunet", {"width": 4, "channel_attention": "spatial"}),
    ("multibranch", {"width": 4, "branches": [[2, 2, 1]]}),
    ("multibranch", {"width": 4, "branches": [[2, 2], [1, 1]], "hint_encoder": True}),
    ("resunet", {"width": 4, "mask": False, "output": "tanh"}),
    ("spreadnet", {"width": 4, "propagation_steps": 2}),
]
NETWORKS = [
    *QUICK,
    *[pytest.param(*network, marks=pytest.mark.slow) for network in SLOW],
    *[pytest.param(*network, marks=pytest.mark.nightly) for network in NIGHTLY],
]
SIZES = [(1, 32, 45), (3, 64, 64), (2, 130, 97), (1, 301, 224)]


def create_random_network(name, options):
    torch.manual_seed(0)
    network = create_model(name, options).eval().requires_grad_(False)
    network.load_state_dict(perturbed_state(network))
    return network


def random_inputs(batch, height, width):
    generator = torch.Generator().manual_seed(width)
    small = torch.rand(batch, 3, height // 4, width // 4, generator=generator)
    rgb = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    lightness, ab = rgb_to_lab(rgb)
    return (
        rgb,
        lightness,
        hints_from_mask(ab, (torch.rand(batch, 1, height, width, generator=generator) < 0.01).float()),
    )


def run_onnx(file, **inputs):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    [output] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return torch.from_numpy(output)


def test_every_network_is_covered():
    assert {name for name, _ in [*QUICK, *SLOW]} == set(MODEL_CLASSES)


def assert_metadata_without_paths(file, source):
    model = onnx.load(file)
    metadata = {each.key: each.value for each in model.metadata_props}
    assert metadata["trained at"] == "256 px"
    assert "0..100" in metadata["input lightness"]
    assert int(metadata["opset"]) == next(each.version for each in model.opset_import if each.domain == "")
    assert [each.name for each in model.graph.input] == ["lightness", "hint_ab", "mask"]
    assert [each.name for each in model.graph.output] == ["ab"]
    assert all(f"{key}: {text}" in model.doc_string for key, text in metadata.items())
    assert source.encode() not in file.read_bytes()


@pytest.mark.parametrize(("name", "options"), NETWORKS, ids=str)
def test_other_sizes_and_batches_agree_with_pytorch(tmp_path, name, options):
    network = create_random_network(name, options)
    stages = []
    comparisons = write_onnx(network, tmp_path / "n.onnx", {"trained at": "256 px"}, report_stage=stages.append)
    assert_metadata_without_paths(tmp_path / "n.onnx", f"{name}.py")
    assert stages == ["tracing", "translating to ONNX", "optimizing", "comparing ONNX Runtime with PyTorch"]
    assert len({size for size, _ in comparisons}) == 3
    for size in SIZES:
        _, lightness, hints = random_inputs(*size)
        for hints_ in (hints, no_hints(lightness)):
            result = run_onnx(tmp_path / "n.onnx", lightness=lightness, hint_ab=hints_.ab, mask=hints_.mask)
            expected = network(lightness, hints_)
            # SpreadNet's rounding errors accumulate over many steps; PyTorch differs as much between memory layouts
            tolerance = LabExportWrapper.tolerance if name == "spreadnet" else 1e-3
            atol = tolerance * max(1.0, float(expected.abs().max()) / 110)
            torch.testing.assert_close(result, expected, rtol=0, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("xiao2019", {"width": 4}),
        ("zhang2017", {"width": 4, "global_hints": True}),
        pytest.param("spreadnet", {"width": 4, "propagation_steps": 2}, marks=pytest.mark.nightly),
    ],
)
def test_palette_is_an_input(tmp_path, name, options):
    network = create_random_network(name, options)
    write_onnx(network, tmp_path / "n.onnx", {"network": name}, palette=True)
    loaded = OnnxNetwork(tmp_path / "n.onnx")
    assert loaded.takes_palette
    _, lightness, hints = random_inputs(2, 40, 56)
    palette = Hints.palette(["#aa3333", "#20c020"], (40, 56), [3, 1])
    known = concatenate_hints([palette, no_hints(lightness[1:])]).global_hints
    for hints_ in (hints, hints._replace(global_hints=known)):
        expected = network(lightness, hints_)
        torch.testing.assert_close(loaded(lightness, hints_), expected, rtol=0, atol=LabExportWrapper.tolerance)
    assert (expected[0] - network(lightness, hints)[0]).abs().max() > 1e-3


def test_rgb_export_maps_images_to_images(tmp_path):
    torch.manual_seed(0)
    network = SmallNetwork().eval().requires_grad_(False)
    write_onnx(network, tmp_path / "n.onnx", {}, rgb=True)
    rgb, lightness, hints = random_inputs(1, 75, 50)
    result = run_onnx(tmp_path / "n.onnx", image=rgb, hint_ab=hints.ab, mask=hints.mask)
    difference = (result * 255).round() - lab_to_rgb8(lightness, network(lightness, hints)).float()
    assert np.mean(np.abs(difference.numpy()) > 0) < 0.01
    assert difference.abs().max() <= 1


class InconsistentNetwork(torch.nn.Module):
    """Behaves differently when it is traced."""

    def __init__(self, offset):
        super().__init__()
        self.offset = torch.nn.Parameter(torch.tensor(offset), requires_grad=False)

    def forward(self, lightness, hints):
        return hints.ab + (self.offset if torch.compiler.is_exporting() else 0)


@pytest.mark.parametrize("offset", [0.02, float("nan")])
def test_no_file_is_written_if_results_differ(tmp_path, offset):
    with pytest.raises(ValueError, match=r"not written.*0\.01 is allowed"):
        write_onnx(InconsistentNetwork(offset), tmp_path / "n.onnx", {})
    assert not list(tmp_path.iterdir())


def test_command_prints_the_metadata_of_the_file(command, tmp_path):
    torch.save(create_random_network("unet", {"width": 4}).state_dict(), tmp_path / "w.pt")
    result = command("export", str(tmp_path / "w.pt"), "--format", "onnx", "-o", "x.onnx")
    assert result.status == 0, result.err
    metadata = {each.key: each.value for each in onnx.load(tmp_path / "x.onnx").metadata_props}
    assert json.loads(metadata["options"])["width"] == 4
    assert all(f"{key}: {text}" in result.out for key, text in metadata.items())
    wrong = command("export", str(tmp_path / "w.pt"), "--format", "onnx", "-o", "folder")
    assert wrong.status == 2
    assert "end in .onnx" in wrong.err
