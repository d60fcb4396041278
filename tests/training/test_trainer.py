"""The Lightning Trainer: devices, precision, compilation and options."""

import inspect
import re
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from chromahint.config.lightning_options import REPLACED_OPTIONS, trainer_options
from chromahint.training import precision as precision_module
from chromahint.training.callbacks.compile import CompileModel
from chromahint.training.callbacks.training_limits import TrainingLimits
from chromahint.training.precision import choose_precision
from chromahint.training.trainer import make_trainer, process_count


@pytest.fixture
def gpus(monkeypatch):
    """`gpus(2)` pretends that this machine has two GPUs."""
    return lambda count: monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("accelerator", "devices", "available", "count"),
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
def test_process_count(gpus, accelerator, devices, available, count):
    gpus(available)
    assert process_count(accelerator, devices) == count


@pytest.mark.parametrize(
    ("accelerator", "devices", "available", "message"),
    [
        ("gpu", 1, 0, r"Use trainer=cpu\."),
        ("gpu", "auto", 0, r"Use trainer=cpu\."),
        ("gpu", 3, 2, r"Use trainer\.devices=2\."),
        ("auto", 3, 2, r"Use trainer\.devices=2\."),
    ],
)
def test_unavailable_gpus_are_reported(gpus, accelerator, devices, available, message):
    gpus(available)
    with pytest.raises(ValueError, match=message):
        process_count(accelerator, devices)


def test_short_precisions():
    assert [choose_precision(each, on_gpu=True) for each in ("16", 16, "bf16", "32", 32)] == [
        "16-mixed", "16-mixed", "bf16-mixed", "32-true", "32-true"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="trainer.precision=16-mixed: needs a GPU. Use trainer.precision=bf16-mixed"):
        choose_precision(16, on_gpu=False)


@pytest.mark.parametrize(
    ("precision", "on_gpu"),
    [("32-true", False), ("bf16-mixed", False), ("32-true", True), ("bf16-mixed", True), ("16-mixed", True)],
)
def test_explicit_precision_is_used(precision, on_gpu):
    assert choose_precision(precision, on_gpu) == precision


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_precision_follows_the_hardware(monkeypatch, native, precision):
    monkeypatch.setattr(precision_module, "cpu_computes_bf16", lambda: native)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert choose_precision("auto", on_gpu=False) == precision
    assert choose_precision("auto", on_gpu=True) == precision


def dilated_conv(in_channels, dilation=2, **options):
    return nn.Sequential(nn.Conv2d(in_channels, 32, 3, padding=dilation, dilation=dilation, **options))


@pytest.mark.parametrize("layer", [dilated_conv(24), dilated_conv(20, dilation=4), dilated_conv(64, groups=2)])
def test_layer_with_wrong_bf16_gradients_uses_float32(monkeypatch, layer):
    monkeypatch.setattr(precision_module, "cpu_computes_bf16", lambda: True)
    assert choose_precision("auto", on_gpu=False, network=layer) == "32-true"
    with pytest.raises(ValueError, match=r"such as 0 get wrong gradients .* Use trainer\.precision=32-true"):
        choose_precision("bf16-mixed", on_gpu=False, network=layer)


@pytest.mark.parametrize("in_channels", [3, 16, 32, 80])
def test_layer_with_right_bf16_gradients_uses_bf16(monkeypatch, in_channels):
    monkeypatch.setattr(precision_module, "cpu_computes_bf16", lambda: True)
    layer = dilated_conv(in_channels)
    assert choose_precision("auto", on_gpu=False, network=layer) == "bf16-mixed"
    layer.to(memory_format=torch.channels_last)
    x = torch.randn(8, in_channels, 32, 32).to(memory_format=torch.channels_last)
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


def test_options_are_passed_to_lightning(tmp_path):
    trainer = cpu_trainer(
        tmp_path, accumulate_grad_batches=3, gradient_clip_val=0.5, val_check_interval=10, log_every_n_steps=7,
        precision="32-true",
    )  # fmt: skip
    assert trainer.accumulate_grad_batches == 3
    assert trainer.gradient_clip_val == 0.5
    assert trainer.val_check_interval == 30
    assert trainer.check_val_every_n_epoch is None
    assert trainer.log_every_n_steps == 7
    assert trainer.precision == "32-true"
    assert trainer.world_size == 1
    assert trainer.default_root_dir == str(tmp_path)


def test_null_disables_clipping_and_validates_every_epoch(tmp_path):
    trainer = cpu_trainer(tmp_path, gradient_clip_val=None, val_check_interval=None)
    assert trainer.gradient_clip_val is None
    assert trainer.check_val_every_n_epoch == 1


def test_every_option_of_lightning_is_known_without_importing_it():
    expected = set(inspect.signature(Trainer.__init__).parameters) - {"self"} - set(REPLACED_OPTIONS)
    assert trainer_options() == expected
    assert set(REPLACED_OPTIONS) <= set(inspect.signature(Trainer.__init__).parameters)


def test_further_options_reach_lightning(tmp_path):
    trainer = cpu_trainer(tmp_path, limit_val_batches=3, detect_anomaly=True, profiler="simple", benchmark=False)
    assert trainer.limit_val_batches == 3
    assert trainer._detect_anomaly
    assert type(trainer.profiler).__name__ == "SimpleProfiler"
    with pytest.raises(ValueError, match="trainer.limit_val_batches=-3: Lightning rejects this: You have passed"):
        cpu_trainer(tmp_path, limit_val_batches=-3)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer.max_time=3", "trainer.max_time: is set by Chromahint. Use trainer.max_minutes."),
        ("trainer.profile=simple", "trainer.profile: unknown option of trainer.* Did you mean profiler"),
        ("trainer.precision=16", "trainer.precision=16-mixed: needs a GPU. Use trainer.precision=bf16-mixed"),
        ("trainer.precision=8", "trainer.precision=8: must be"),
    ],
)
def test_mistakes_in_options_of_the_trainer(command, tiny, word, message):
    refused = command("train", *[each for each in tiny if "precision" not in each], word)
    assert refused.status == 2
    assert re.search(message, refused.err), refused.err
    assert not (refused.folder / "runs").exists()


def test_options_of_the_trainer_need_no_plus(command, tiny, monkeypatch):
    shown = command("train", *tiny, "trainer.profiler=simple", "trainer.limit_val_batches=2", "--cfg", "job")
    assert "profiler: simple" in shown.out
    result = command("train", *tiny, "trainer.profiler=simple", "trainer.limit_val_batches=1")
    assert result.status == 0, result.err
    assert "run_training_epoch" in result.err
    assert len(result.err.splitlines()) < 60


def test_limits_are_passed_to_the_callback(tmp_path):
    limits = TrainingLimits.of(cpu_trainer(tmp_path, max_steps=7, max_epochs=3, max_minutes=0.5))
    assert (limits.max_steps, limits.max_epochs, limits.max_seconds) == (7, 3, 30)


def test_compilation_keeps_parameter_names(command, tiny, smoke_run, monkeypatch):
    compiled = []

    def record(function, **_):
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", record)
    made = command("train", *tiny, "model=spreadnet", "trainer.compile=true")
    assert made.status == 0, made.err
    assert len(compiled) == 1
    assert isinstance(compiled[0].__self__, nn.Module)
    names = [
        set(torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"]) for run in (made.run, smoke_run)
    ]
    assert names[0] == names[1]


@pytest.mark.slow
def test_the_next_run_finds_what_was_compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")

    class Wave(nn.Module):
        def forward(self, x):
            return (2 * x.sin() + 1).relu()

    module = SimpleNamespace(network=Wave())
    CompileModel().on_fit_start(None, module)
    torch.testing.assert_close(module.network(torch.ones(3)), 2 * torch.ones(3).sin() + 1)
    assert [file for file in (tmp_path / "compiled").rglob("*") if file.is_file()]


def test_run_on_several_devices_starts_one_process_each(command, tiny, monkeypatch):
    from chromahint.launch import launcher as launch

    started = []
    monkeypatch.setattr(launch, "launch_and_wait", lambda run, processes: started.append(processes) or 0)
    assert command("train", *tiny, "data.batch_size=6", "trainer.devices=3").status == 0
    assert started == [3]
