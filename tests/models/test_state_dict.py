"""Loading weights from every format, and error messages for files that do not match."""

import argparse
import json
import random

import pytest
import safetensors.torch
import torch

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import list_groups
from chromahint.models.checkpoint_formats import detect
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.registry import get_model_info
from chromahint.models.resunet import ResUNet
from chromahint.models.state_dict import load_weights, read_state_dict
from chromahint.models.unet import UNet
from chromahint.models.zhang2017 import Zhang2017


def random_network(build, seed, **options):
    torch.manual_seed(seed)
    return build(width=4, zero_init_head=False, **options)


def assert_same(network, other):
    for (name, tensor), expected in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(tensor, expected), name


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


CONTAINERS = {
    "plain": lambda state: state,
    "under state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "under model": lambda state: {"model": state},
    "under model, with options": lambda state: {"model": state, "epoch": 9, "args": argparse.Namespace(lr=1e-3)},
    "data parallel": lambda state: prefixed(state, "module."),
    "compiled": lambda state: prefixed(state, "_orig_mod."),
    "compiled and data parallel": lambda state: {"state_dict": prefixed(state, "module._orig_mod.")},
    "our checkpoint": lambda state: {
        "state_dict": prefixed(state, "network.") | {"psnr.10.total": torch.zeros(())},
        "optimizer_states": [],
    },
    "our checkpoint, compiled": lambda state: {"state_dict": prefixed(state, "network._orig_mod.")},
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_loads_every_container_format(tmp_path, container):
    source, target = random_network(UNet, 1), random_network(UNet, 2)
    torch.save(container(source.state_dict()), tmp_path / "weights.ckpt")
    assert "U-Net" in load_weights(target, tmp_path / "weights.ckpt")
    assert_same(target, source)


def test_loads_safetensors(tmp_path):
    source, target = random_network(Zhang2017, 1), random_network(Zhang2017, 2)
    safetensors.torch.save_file(source.state_dict(), tmp_path / "weights.safetensors")
    assert "Zhang" in load_weights(target, tmp_path / "weights.safetensors")
    assert_same(target, source)


@pytest.mark.parametrize("dropped", [None, "ch", "up"])
def test_loads_released_hscaunet_with_shared_attention_under_one_or_two_names(tmp_path, dropped):
    source, target = (random_network(HSCAUNet, seed, channel_attention="spatial") for seed in (1, 2))
    names = {None: (), "ch": ("ch1.", "ch2.", "ch3.", "ch4."), "up": ("up1.ch.", "up2.ch.", "up3.ch.", "up4.ch.")}
    state = {name: tensor for name, tensor in source.state_dict().items() if not name.startswith(names[dropped])}
    torch.save(state, tmp_path / "model.pth")
    load_weights(target, tmp_path / "model.pth")
    assert_same(target, source)


def test_loads_published_zhang2017_without_batch_counters(tmp_path):
    source, target = random_network(Zhang2017, 1), random_network(Zhang2017, 2)
    state = {name: t for name, t in source.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "siggraph17.pth")
    load_weights(target, tmp_path / "siggraph17.pth")
    assert_same(target, source)


def test_reports_a_missing_class_head(tmp_path):
    source, target = random_network(Zhang2017, 1), random_network(Zhang2017, 2)
    head = target.model_class[0].weight.clone()
    state = {name: t for name, t in source.state_dict().items() if not name.startswith("model_class")}
    torch.save(state, tmp_path / "weights.pth")
    assert "without a class head" in load_weights(target, tmp_path / "weights.pth")
    assert torch.equal(target.model_class[0].weight, head)
    assert torch.equal(target.model1[0].weight, source.model1[0].weight)

    del state["model1.0.bias"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"1 key missing \(model1.0.bias\)"):
        load_weights(target, tmp_path / "weights.pth")


def test_incomplete_class_head_raises_value_error(tmp_path):
    state = random_network(Zhang2017, 1).state_dict()
    del state["model_class.0.bias"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"missing \(model_class.0.bias\)"):
        load_weights(random_network(Zhang2017, 2), tmp_path / "weights.pth")


def test_half_precision_weights_are_loaded_as_float32(tmp_path):
    torch.save({name: t.half() for name, t in random_network(UNet, 1).state_dict().items()}, tmp_path / "half.pt")
    target = random_network(UNet, 2)
    load_weights(target, tmp_path / "half.pt")
    assert target.inc.double_conv[0].weight.dtype == torch.float32


def test_error_names_the_width_of_the_weights(tmp_path):
    torch.save(random_network(HSCAUNet, 1).state_dict(), tmp_path / "weights.pt")
    network = HSCAUNet(width=8)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ValueError, match="with a different shape") as error:
        load_weights(network, tmp_path / "weights.pt")
    assert str(error.value).endswith("Try model.width=4.")
    assert "inc.double_conv.0.weight is 4x4x3x3, the network expects 8x4x3x3" in str(error.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("source", "target", "advice"),
    [
        ((UNet, {}), (Zhang2017, {}), "model=unet"),
        ((Zhang2017, {}), (UNet, {}), "model=zhang2017"),
        ((HSCAUNet, {"channel_attention": "spatial"}), (HSCAUNet, {}), "model.channel_attention=spatial"),
        ((HSCAUNet, {}), (UNet, {}), "model=hscaunet model.channel_attention=cbam"),
        ((ResUNet, {"mask": False}), (ResUNet, {}), "model.mask=false"),
        ((ResUNet, {"blocks": "alresnet"}), (ResUNet, {}), "model.blocks=alresnet"),
        ((ResUNet, {}), (ResUNet, {"blocks": "alresnet"}), "model.blocks=residual"),
    ],
)
def test_error_names_the_network_of_the_weights(tmp_path, source, target, advice):
    torch.save(random_network(source[0], 1, **source[1]).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="does not match the network") as error:
        load_weights(random_network(target[0], 2, **target[1]), tmp_path / "weights.pt")
    assert str(error.value).endswith(f"Try {advice}.")


def test_error_for_unknown_weights_lists_the_first_keys(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"2 keys unexpected \(weight, bias\)") as error:
        load_weights(random_network(UNet, 2), tmp_path / "weights.pt")
    assert "inc.double_conv.0.weight, " in str(error.value)
    assert "more)" in str(error.value)
    assert "does not look like weights of any Chromahint network" in str(error.value)


def test_weights_with_nan_raise_value_error(tmp_path):
    state = random_network(UNet, 1).state_dict()
    state["up1.up.bias"][0] = float("nan")
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"up1\.up\.bias.*nan"):
        load_weights(random_network(UNet, 2), tmp_path / "weights.pt")


class OpensFile:
    """Object that opens a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize(
    "content",
    [
        {"args": argparse.Namespace(lr=1)},
        {"epoch": 3},
        {},
        [torch.zeros(2)],
        torch.zeros(2),
        {1: torch.zeros(2)},
        {"weight": torch.eye(3).to_sparse()},
        {"weight": torch.zeros(3, dtype=torch.complex64)},
    ],
)
def test_files_without_a_state_dict_raise_value_error(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights\.pt"):
        read_state_dict(tmp_path / "weights.pt")


def test_reading_a_file_does_not_run_code(tmp_path):
    torch.save({"state_dict": OpensFile(str(tmp_path / "written"))}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="could run code"):
        read_state_dict(tmp_path / "weights.pt")
    assert not (tmp_path / "written").exists()


def test_error_names_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match=r"absent\.pt: file not found"):
        read_state_dict(tmp_path / "absent.pt")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_damaged_files_only_raise_value_error(tmp_path, suffix):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1))
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".pt":
        torch.save({"state_dict": network.state_dict()}, whole)
    else:
        safetensors.torch.save_file(network.state_dict(), whole)
    data = whole.read_bytes()
    rng = random.Random(0)
    damaged = [b"", b"not weights at all", b"\x80\x02.", data[:-1], data[: len(data) // 2], data + data]
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 1, 4, 50])):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        start = rng.randrange(len(data))
        damaged.append(bytes(changed) if rng.random() < 0.8 else data[:start] + data[start + rng.randrange(64) :])
    rejected = 0
    for i, content in enumerate(damaged):
        file = tmp_path / f"{i}{suffix}"
        file.write_bytes(content)
        try:
            load_weights(network, file)
        except ValueError:
            rejected += 1
    assert rejected > 50


VARIANTS = [
    (name, *(f"model.{key}={json.dumps(value).replace(' ', '')}" for key, value in variant.options.items()))
    for name in list_groups()["model"]
    if "width" in (node := compose("train", [f"model={name}"]).config["model"])
    for variant in get_model_info(node["_target_"]).variants
]


NARROW = {"width": 4, "zero_init_head": False}


@pytest.mark.parametrize("variant", VARIANTS, ids=" ".join)
@pytest.mark.parametrize("container", ["plain", "under model, with options", "our checkpoint"])
def test_every_network_is_detected_from_its_weights_and_loads_them(tmp_path, variant, container):
    config = compose("train", [f"model={variant[0]}", *variant[1:]]).config["model"]
    torch.manual_seed(1)
    source = instantiate_node(config | {key: value for key, value in NARROW.items() if key in config})
    torch.save(CONTAINERS[container](source.state_dict()), tmp_path / "weights.pth")
    found = detect(read_state_dict(tmp_path / "weights.pth"))
    assert found is not None
    typed = compose("train", list(found.options))
    assert typed.choices["model"] == variant[0]
    target = instantiate_node(typed.config["model"])
    load_weights(target, tmp_path / "weights.pth")
    assert_same(target, source)
