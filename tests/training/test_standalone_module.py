"""The LightningModule under a plain Lightning Trainer with a plain DataLoader."""

import math
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from chromahint.config.compose import compose
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints, no_hints
from chromahint.hints.samplers import FixedProbabilityPixels
from chromahint.models.spreadnet import SpreadNet
from chromahint.models.unet import UNet
from chromahint.models.zhang2017 import Zhang2017
from chromahint.training.hyperparameters import describe_part
from chromahint.training.lightning_module import ColorizationModule, default_parts
from chromahint.training.losses import MSE, Zhang
from chromahint.training.lr_schedules import ReduceOnPlateau

PROTOCOL = RandomPixels([0, 1, 10], size=32)


@pytest.fixture(scope="module")
def images():
    """Eight smooth color images, B3HW uint8."""
    coarse = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 255
    return nn.functional.interpolate(coarse, size=32, mode="bilinear").to(torch.uint8)


@pytest.fixture
def trainer(tmp_path):
    """`trainer(max_steps=2)` is a Lightning trainer without anything of Chromahint."""

    def make(**options):
        return Trainer(
            default_root_dir=tmp_path, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False,
            logger=False, **options,
        )  # fmt: skip

    return make


def loader(images, batch_size=4):
    return DataLoader(images, batch_size=batch_size)


@pytest.fixture
def trained(trainer, images, tmp_path):
    """A module trained for two steps, and its checkpoint."""
    torch.manual_seed(0)
    module = ColorizationModule(network=UNet(width=8), protocol=PROTOCOL)
    fitted = trainer(max_steps=2)
    fitted.fit(module, loader(images), loader(images))
    fitted.save_checkpoint(tmp_path / "module.ckpt")
    return module, tmp_path / "module.ckpt"


def same_prediction(one, other):
    lightness = torch.rand(2, 1, 32, 32) * 100
    with torch.no_grad():
        return torch.equal(one.eval()(lightness, no_hints(lightness)), other.eval()(lightness, no_hints(lightness)))


def test_default_parts_are_those_of_the_config():
    config = compose("train", []).config
    assert {name: describe_part(part) for name, part in default_parts().items()} == {
        name: config[name] for name in default_parts()
    }


def test_trains_validates_tests_and_predicts(trainer, images):
    module = ColorizationModule(network=UNet(width=8), protocol=PROTOCOL)
    fitted = trainer(max_steps=3, enable_checkpointing=False)
    before = module.network.inc.double_conv[0].weight.clone()
    fitted.fit(module, loader(images), loader(images))
    assert fitted.global_step == 3
    assert not torch.equal(module.network.inc.double_conv[0].weight, before)
    assert math.isfinite(fitted.callback_metrics["train/loss"])
    [validated] = fitted.validate(module, loader(images), verbose=False)
    [tested] = fitted.test(module, loader(images), verbose=False)
    keys = {f"{metric}{count}" for metric in ("psnr", "ssim", "ciede2000") for count in ("", "@0", "@1", "@10")}
    assert set(validated) == {f"val/{key}" for key in keys}
    assert set(tested) == {f"test/{key}" for key in keys}
    assert tested["test/psnr@10"] == validated["val/psnr@10"] > 10
    predictions = fitted.predict(module, loader(images))
    assert [tuple(batch.shape) for batch in predictions] == [(4, 3, 32, 32)] * 2
    assert {batch.dtype for batch in predictions} == {torch.uint8}


def test_prediction_uses_given_hints(trainer, images):
    """With the whole color as hints, a network that returns its hints reproduces the images."""

    class Echo(nn.Module):
        def forward(self, lightness, hints):
            return hints.ab

    from chromahint.color import rgb_to_lab

    batches = [{"rgb": image, "hints": Hints(rgb_to_lab(image[None])[1][0], torch.ones(1, 32, 32))} for image in images]
    module = ColorizationModule(network=Echo(), protocol=PROTOCOL)
    [colored] = trainer(enable_checkpointing=False).predict(module, loader(batches, batch_size=8))
    assert (colored.int() - images.int()).abs().max() <= 1


@pytest.mark.parametrize("form", ["tensor", "list", "mapping"])
def test_batch_formats_are_equivalent(trainer, images, form):
    data = {"tensor": images, "list": TensorDataset(images), "mapping": [{"rgb": image} for image in images]}[form]
    module = ColorizationModule(network=SpreadNet(width=4), protocol=PROTOCOL)
    quiet = trainer(enable_checkpointing=False)
    assert quiet.validate(module, loader(data), verbose=False) == quiet.validate(module, loader(images), verbose=False)


def test_metrics_do_not_depend_on_batches_and_order(trainer, images):
    torch.manual_seed(0)
    module = ColorizationModule(network=UNet(width=8, zero_init_head=False), protocol=PROTOCOL)
    quiet = trainer(enable_checkpointing=False)
    [one] = quiet.validate(module, loader(images, 8), verbose=False)
    [other] = quiet.validate(module, loader(images.flip(0), 3), verbose=False)
    assert one == pytest.approx(other, abs=1e-4)


def test_weight_zero_excludes_images(trainer, images):
    module = ColorizationModule(network=SpreadNet(width=4), protocol=PROTOCOL)
    quiet = trainer(enable_checkpointing=False)
    weighted = [{"rgb": image, "weight": float(number < 4)} for number, image in enumerate(images)]
    [first_half] = quiet.validate(module, loader(images[:4]), verbose=False)
    assert quiet.validate(module, loader(weighted), verbose=False) == [first_half]


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        (torch.zeros(2, 3, 32, 32), r"torch\.float32 \(2, 3, 32, 32\)"),
        (torch.zeros(2, 32, 32, 3, dtype=torch.uint8), r"torch\.uint8 \(2, 32, 32, 3\)"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), r"torch\.uint8 \(3, 32, 32\)"),
        ({"rgb": "photo.png"}, "str"),
    ],
)
def test_invalid_batch_is_reported(batch, got):
    module = ColorizationModule(network=UNet(width=8))
    with pytest.raises(ValueError, match=f"batch of {got}: must be uint8 RGB"):
        module.predict_step(batch, 0)


def test_learning_rate_follows_the_limits_of_the_trainer(trainer, images):
    class Record(Callback):
        def __init__(self):
            self.rates = []

        def on_train_batch_start(self, trainer, *_):
            self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    module = ColorizationModule(network=UNet(width=8), protocol=PROTOCOL)
    record = Record()
    trainer(max_epochs=2, enable_checkpointing=False, callbacks=[record]).fit(module, loader(images), loader(images))
    # four steps: cosine decay after a warmup of 3 %
    wave = [0.01] + [(1 + math.cos(math.pi * (fraction - 0.03) / 0.97)) / 2 for fraction in (0.25, 0.5, 0.75)]
    assert record.rates == pytest.approx([0.002 * factor for factor in wave])


def test_schedule_receives_scores_of_training_only(trainer, images):
    schedule = ReduceOnPlateau(patience=5, factor=0.5)
    scores = []
    schedule.on_validation_score = scores.append
    module = ColorizationModule(network=UNet(width=8), protocol=PROTOCOL, lr_schedule=schedule)
    fitted = trainer(max_epochs=2, enable_checkpointing=False)  # starts with a sanity check
    fitted.fit(module, loader(images), loader(images))
    fitted.validate(module, loader(images), verbose=False)
    assert len(scores) == 2


# --- checkpoints


def test_module_is_rebuilt_from_its_checkpoint_alone(trained):
    module, file = trained
    content = torch.load(file, weights_only=True)
    assert content["hyper_parameters"]["network"]["_target_"] == "chromahint.models.unet.UNet"
    loaded = ColorizationModule.load_from_checkpoint(file, weights_only=True)
    assert loaded.hparams == module.hparams
    assert loaded.protocol == PROTOCOL
    assert same_prediction(loaded, module)


def test_training_resumes_under_a_plain_trainer(trained, trainer, images):
    _, file = trained
    loaded = ColorizationModule.load_from_checkpoint(file)
    resumed = trainer(max_steps=4, enable_checkpointing=False)
    resumed.fit(loaded, loader(images), loader(images), ckpt_path=file, weights_only=True)
    assert resumed.global_step == 4


def test_arguments_replace_parts_of_the_checkpoint(trained):
    loaded = ColorizationModule.load_from_checkpoint(trained[1], loss=MSE(), hints=FixedProbabilityPixels([0.5]))
    assert isinstance(loaded.loss, MSE)
    assert loaded.hint_sampler == FixedProbabilityPixels([0.5])


def test_checkpoint_of_a_network_with_color_classes(trainer, images, tmp_path):
    module = ColorizationModule(network=Zhang2017(width=4, stage="classes"), loss=Zhang(), protocol=PROTOCOL)
    fitted = trainer(max_steps=1, limit_val_batches=0, enable_checkpointing=False)
    fitted.fit(module, loader(images))
    fitted.save_checkpoint(tmp_path / "classes.ckpt")
    loaded = ColorizationModule.load_from_checkpoint(tmp_path / "classes.ckpt", weights_only=True)
    assert loaded.network.stage == "classes"
    assert same_prediction(loaded, module)


class OwnNetwork(nn.Module):
    """A network that is not part of Chromahint."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, lightness, hints):
        return self.conv(torch.cat([lightness, hints.ab, hints.mask], dim=1))


def test_own_network_is_passed_to_load_from_checkpoint(trainer, images, tmp_path):
    module = ColorizationModule(network=OwnNetwork(), protocol=PROTOCOL)
    fitted = trainer(max_steps=1, limit_val_batches=0, enable_checkpointing=False)
    fitted.fit(module, loader(images))
    fitted.save_checkpoint(tmp_path / "own.ckpt")
    with pytest.raises(ValueError, match=r"OwnNetwork: not part of Chromahint"):
        ColorizationModule.load_from_checkpoint(tmp_path / "own.ckpt")
    loaded = ColorizationModule.load_from_checkpoint(tmp_path / "own.ckpt", network=OwnNetwork())
    assert same_prediction(loaded, module)


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_checkpoints_of_a_run_are_loaded(smoke_run, name):
    from chromahint.runs.run import open_run
    from chromahint.training.train import build_module

    config = open_run(smoke_run).config
    file = Path(smoke_run) / "checkpoints" / name
    loaded = ColorizationModule.load_from_checkpoint(file, weights_only=True)
    built = build_module(config | {"weights": str(file)})
    assert loaded.hparams == built.hparams
    assert loaded.hparams["network"] == config["model"]
    built.network.to(memory_format=torch.contiguous_format)  # another memory format rounds differently
    assert same_prediction(loaded, built)
