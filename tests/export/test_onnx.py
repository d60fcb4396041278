"""ONNX Runtime says what PyTorch says, for images of sizes that the file was not made with."""

import json

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.export.onnx import LabExportWrapper, write_onnx
from chromahint.hints.hints import hints_from_mask, no_hints
from chromahint.models.registry import MODEL_CLASSES, create_model
from support.random_weights import perturbed_state

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

FORMS = [
    ("attention_unet", {"width": 4}),
    ("hscaunet", {"width": 4, "channel_attention": "cbam"}),
    ("icolorit", {"width": 16, "depth": 2, "mask_offset": 0.5}),
    ("multibranch", {"width": 2}),
    ("resunet", {"width": 4}),
    ("unet", {"width": 4}),
    ("zhang2017", {"width": 2}),
]
# each takes half a minute; a hundred steps of spreading take minutes
MORE = [
    ("attention_unet", {"width": 4, "mask": False}),
    ("hscaunet", {"width": 4, "channel_attention": "spatial"}),
    ("multibranch", {"width": 2, "branches": [[2, 2, 1]]}),
    ("multibranch", {"width": 2, "branches": [[2, 2], [1, 1]], "hint_encoder": True}),
    ("resunet", {"width": 4, "mask": False, "output": "tanh"}),
    ("spreadnet", {"width": 4, "steps": 2}),
]
SLOW = [pytest.param(*form, marks=pytest.mark.slow) for form in MORE]
SIZES = [(1, 32, 45), (3, 64, 64), (2, 130, 97), (1, 301, 224)]


def filled(name, options):
    network = create_model(name, options).eval().requires_grad_(False)
    network.load_state_dict(perturbed_state(network))
    return network


def images(batch, height, width):
    generator = torch.Generator().manual_seed(width)
    small = torch.rand(batch, 3, height // 4, width // 4, generator=generator)
    rgb = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    lightness, ab = rgb_to_lab(rgb)
    return (
        rgb,
        lightness,
        hints_from_mask(ab, (torch.rand(batch, 1, height, width, generator=generator) < 0.01).float()),
    )


def answer(file, **inputs):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    [output] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return torch.from_numpy(output)


def test_every_network_is_tried():
    assert {name for name, _ in [*FORMS, *MORE]} == set(MODEL_CLASSES)


@pytest.mark.parametrize(("name", "options"), [*FORMS, *SLOW], ids=str)
def test_other_sizes_and_batches_come_out_as_in_pytorch(tmp_path, name, options):
    network = filled(name, options)
    found = write_onnx(network, tmp_path / "n.onnx", {})
    assert len({size for size, _ in found}) == 3
    for size in SIZES:
        _, lightness, hints = images(*size)
        for given in (hints, no_hints(lightness)):
            theirs = answer(tmp_path / "n.onnx", lightness=lightness, hint_ab=given.ab, mask=given.mask)
            ours = network(lightness, given)
            # SpreadNet goes many steps, each of which rounds; PyTorch differs from itself by as much in another layout
            allowed = LabExportWrapper.tolerance if name == "spreadnet" else 1e-3
            atol = allowed * max(1.0, float(ours.abs().max()) / 110)
            torch.testing.assert_close(theirs, ours, rtol=0, atol=atol)


def test_with_rgb_a_image_goes_in_and_a_image_comes_out(tmp_path):
    network = filled("unet", {"width": 4})
    write_onnx(network, tmp_path / "n.onnx", {}, rgb=True)
    rgb, lightness, hints = images(1, 75, 50)
    theirs = answer(tmp_path / "n.onnx", image=rgb, hint_ab=hints.ab, mask=hints.mask)
    apart = (theirs * 255).round() - lab_to_rgb8(lightness, network(lightness, hints)).float()
    assert np.mean(np.abs(apart.numpy()) > 0) < 0.01
    assert apart.abs().max() <= 1


def test_the_file_says_what_it_reads_and_nothing_of_this_machine(tmp_path):
    write_onnx(filled("unet", {"width": 4}), tmp_path / "n.onnx", {"trained at": "256x256 pixels"})
    model = onnx.load(tmp_path / "n.onnx")
    said = {each.key: each.value for each in model.metadata_props}
    assert said["trained at"] == "256x256 pixels"
    assert "0..100" in said["input lightness"]
    assert int(said["opset"]) == next(each.version for each in model.opset_import if each.domain == "")
    assert [each.name for each in model.graph.input] == ["lightness", "hint_ab", "mask"]
    assert [each.name for each in model.graph.output] == ["ab"]
    assert all(f"{key}: {text}" in model.doc_string for key, text in said.items())
    assert b"unet.py" not in (tmp_path / "n.onnx").read_bytes()


class Odd(torch.nn.Module):
    """Does one thing when it is traced and another when it runs."""

    def __init__(self, by):
        super().__init__()
        self.by = torch.nn.Parameter(torch.tensor(by), requires_grad=False)

    def forward(self, lightness, hints):
        return hints.ab + (self.by if torch.compiler.is_exporting() else 0)


@pytest.mark.parametrize("by", [0.02, float("nan")])
def test_a_network_that_comes_out_otherwise_is_not_written(tmp_path, by):
    with pytest.raises(ValueError, match=r"was not written.*0\.01 is allowed"):
        write_onnx(Odd(by), tmp_path / "n.onnx", {})
    assert not list(tmp_path.iterdir())


def test_the_command_prints_what_the_file_says(command, tmp_path):
    torch.save(filled("unet", {"width": 4}).state_dict(), tmp_path / "w.pt")
    made = command("export", str(tmp_path / "w.pt"), "--format", "onnx", "-o", "x.onnx")
    assert made.status == 0, made.err
    said = {each.key: each.value for each in onnx.load(tmp_path / "x.onnx").metadata_props}
    assert json.loads(said["options"])["width"] == 4
    assert all(f"{key}: {text}" in made.out for key, text in said.items())
    wrong = command("export", str(tmp_path / "w.pt"), "--format", "onnx", "-o", "folder")
    assert wrong.status == 2
    assert "ends in .onnx" in wrong.err
