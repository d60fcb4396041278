"""`chromahint gpu-check`, on the CPU: what agrees passes, what does not is found."""

import json
import sys

import pytest
import torch

from chromahint.cli import gpu_check
from chromahint.data.gpu_decoding import JPEGDecoder
from chromahint.training import device_check

SMALL = ("--size", "32", "--batch-size", "2", "--seconds", "0.01", "--no-compile")


@pytest.fixture
def one_network(monkeypatch):
    monkeypatch.setattr(gpu_check, "NETWORKS", {"unet": {"width": 4}})


def test_the_cpu_agrees_with_itself(command, one_network):
    done = command("gpu-check", "--device", "cpu", *SMALL, "-o", "check.json")
    assert done.status == 0, done.err
    content = json.loads((done.folder / "check.json").read_text())
    exact, mixed = content["agreement"]
    assert (exact["precision"], exact["forward"], exact["loss"]) == ("float32", 0.0, 0.0)
    assert mixed["precision"] == "bfloat16"
    assert 0 < mixed["forward"] < 2
    [speed] = content["speed"]
    assert speed["images_per_second"] > 0
    assert speed["usual"] > 0
    assert content["runs"] == {}
    pytest.importorskip("nvidia.nvimgcodec")
    assert content["decoding"]["passed"]
    assert content["decoding"]["difference"] == 0
    assert content["decoding"]["images_per_second"] > 0
    assert "unet" in done.out


def test_a_device_that_computes_something_else_is_found(command, one_network, monkeypatch):
    trained = device_check._trained
    calls = []

    def drifting(*arguments):
        prediction, losses = trained(*arguments)
        calls.append(arguments)
        return (prediction, losses) if len(calls) == 1 else (prediction + 1, [loss * 1.01 for loss in losses])

    monkeypatch.setattr(device_check, "_trained", drifting)
    done = command("gpu-check", "--device", "cpu", *SMALL)
    assert done.status == 1
    assert "DIFFERS" in done.out


def test_a_decoder_of_other_colors_is_found(command, one_network, monkeypatch):
    pytest.importorskip("nvidia.nvimgcodec")
    decode = JPEGDecoder.decode
    monkeypatch.setattr(JPEGDecoder, "decode", lambda *words: [image.flip(-1) for image in decode(*words)])
    done = command("gpu-check", "--device", "cpu", *SMALL)
    assert done.status == 1
    assert "DIFFERS" in done.out


def test_a_decoder_that_is_not_installed_is_named(command, one_network, monkeypatch):
    monkeypatch.setitem(sys.modules, "nvidia", None)
    done = command("gpu-check", "--device", "cpu", *SMALL)
    assert done.status == 0
    assert "not decoded on this device: nvImageCodec is not installed (pip install 'chromahint[" in done.out


@pytest.mark.nightly
def test_runs_on_one_and_two_processes(command, one_network):
    done = command("gpu-check", "--device", "cpu", "--devices", "2", *SMALL, "-o", "check.json")
    assert done.status == 0, done.err
    runs = json.loads((done.folder / "check.json").read_text())["runs"]
    assert set(runs) == {"1", "2"}
    assert all(speed > 0 for speed in runs.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_named(command):
    failed = command("gpu-check", "--device", "cuda")
    assert failed.status == 2
    assert "device=cuda: not available on this machine" in failed.err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--size=0", "--size 0: must be an integer >= 32"),
        ("--batch-size=0", "--batch-size 0: must be an integer >= 1"),
        ("--devices=-1", "--devices -1: must be an integer >= 1"),
        ("--seconds=-1", "--seconds -1: must be a number > 0"),
        ("--seconds=nan", "--seconds nan: must be a number > 0"),
        ("--seconds=soon", "--seconds soon: must be a number > 0"),
    ],
)
def test_impossible_numbers_are_refused(command, option, message):
    failed = command("gpu-check", "--device", "cpu", option)
    assert failed.status == 2
    assert message in failed.err


def test_devices_that_cannot_share_a_batch_are_refused_at_once(command):
    failed = command("gpu-check", "--device", "cpu", "--devices", "3", "--batch-size", "32")
    assert failed.status == 2
    assert "--batch-size 32: 3 devices can't share it equally. Use a multiple of 3." in failed.err
