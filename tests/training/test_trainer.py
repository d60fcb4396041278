"""The Lightning trainer from the words of conf/trainer; devices, precision and compilation."""

import pytest
import torch
from torch import nn

from chromahint.training import trainer as devices
from chromahint.training.callbacks.training_limits import TrainingLimits
from chromahint.training.trainer import choose_precision, make_trainer, process_count


@pytest.fixture
def gpus(monkeypatch):
    """`gpus(2)` makes this a machine of two GPUs, as far as counting goes."""
    return lambda count: monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("accelerator", "wanted", "there", "count"),
    [
        ("cpu", "auto", 0, 1),
        ("cpu", "auto", 4, 1),
        ("cpu", 3, 0, 3),
        ("auto", "auto", 0, 1),
        ("auto", 2, 0, 2),
        ("auto", "auto", 4, 4),
        ("auto", 1, 4, 1),
        ("gpu", "auto", 2, 2),
        ("gpu", 2, 2, 2),
    ],
)
def test_number_of_processes(gpus, accelerator, wanted, there, count):
    gpus(there)
    assert process_count(accelerator, wanted) == count


@pytest.mark.parametrize(
    ("accelerator", "wanted", "there", "part"),
    [
        ("gpu", 1, 0, "type trainer=cpu"),
        ("gpu", "auto", 0, "type trainer=cpu"),
        ("gpu", 3, 2, "type trainer.devices=2"),
        ("auto", 3, 2, "type trainer.devices=2"),
    ],
)
def test_gpus_that_are_not_there(gpus, accelerator, wanted, there, part):
    gpus(there)
    with pytest.raises(ValueError, match=part):
        process_count(accelerator, wanted)


@pytest.mark.parametrize("wanted", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_precision_that_was_named_is_taken(wanted, on_gpu):
    assert choose_precision(wanted, on_gpu) == wanted


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_precision_follows_the_hardware(monkeypatch, native, chosen):
    monkeypatch.setattr(devices, "_cpu_computes_bf16", lambda: native)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert choose_precision("auto", on_gpu=False) == chosen
    assert choose_precision("auto", on_gpu=True) == chosen


def dilated(inputs, dilation=2, **options):
    return nn.Sequential(nn.Conv2d(inputs, 32, 3, padding=dilation, dilation=dilation, **options))


@pytest.mark.parametrize("layer", [dilated(24), dilated(20, dilation=4), dilated(64, groups=2)])
def test_a_layer_that_bf16_does_wrong_is_trained_in_float32(monkeypatch, layer):
    monkeypatch.setattr(devices, "_cpu_computes_bf16", lambda: True)
    assert choose_precision("auto", on_gpu=False, network=layer) == "32-true"
    with pytest.raises(ValueError, match=r"such as 0 come out wrong .* type trainer.precision=32-true"):
        choose_precision("bf16-mixed", on_gpu=False, network=layer)


@pytest.mark.parametrize("inputs", [3, 16, 32, 80])
def test_a_layer_that_bf16_does_right_is_trained_in_bf16(monkeypatch, inputs):
    monkeypatch.setattr(devices, "_cpu_computes_bf16", lambda: True)
    layer = dilated(inputs)
    assert choose_precision("auto", on_gpu=False, network=layer) == "bf16-mixed"
    layer.to(memory_format=torch.channels_last)
    x = torch.randn(8, inputs, 32, 32).to(memory_format=torch.channels_last)
    gradients = []
    for enabled in (True, False):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            out = layer(x)
        out.float().square().sum().backward()
        gradients.append(layer[0].weight.grad.clone())
    assert (gradients[0] - gradients[1]).norm() < 0.03 * gradients[1].norm()


def cpu_trainer(folder, **options):
    return make_trainer(folder=folder, callbacks=[], loggers=[], network=nn.Identity(), accelerator="cpu", **options)


def test_words_arrive(tmp_path):
    trainer = cpu_trainer(tmp_path, accumulate=3, clip=0.5, val_every=10, log_every=7, precision="32-true")
    assert trainer.accumulate_grad_batches == 3
    assert trainer.gradient_clip_val == 0.5
    assert trainer.val_check_interval == 30
    assert trainer.check_val_every_n_epoch is None
    assert trainer.log_every_n_steps == 7
    assert trainer.precision == "32-true"
    assert trainer.world_size == 1
    assert trainer.default_root_dir == str(tmp_path)


def test_no_clipping_and_validation_every_epoch(tmp_path):
    trainer = cpu_trainer(tmp_path, clip=None, val_every=None)
    assert trainer.gradient_clip_val is None
    assert trainer.check_val_every_n_epoch == 1


def test_limits_are_among_the_callbacks(tmp_path):
    limits = TrainingLimits.of(cpu_trainer(tmp_path, max_steps=7, max_epochs=3, max_minutes=0.5))
    assert (limits.max_steps, limits.max_epochs, limits.max_seconds) == (7, 3, 30)


def test_compilation_leaves_names_of_weights_alone(command, tiny, smoke_run, monkeypatch):
    compiled = []

    def note(function, **_):
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", note)
    made = command("train", *tiny, "trainer.compile=true")
    assert made.status == 0, made.err
    assert len(compiled) == 1
    assert isinstance(compiled[0].__self__, nn.Module)
    names = [
        set(torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"]) for run in (made.run, smoke_run)
    ]
    assert names[0] == names[1]


def test_a_run_of_several_devices_starts_as_many_processes(command, tiny, monkeypatch):
    from chromahint.launch import launcher as launch

    started = []
    monkeypatch.setattr(launch, "launch_and_wait", lambda run, processes: started.append(processes) or 0)
    assert command("train", *tiny, "trainer.devices=3").status == 0
    assert started == [3]
