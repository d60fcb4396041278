"""Any torchmetrics metric of the validation images."""

from types import SimpleNamespace

import pytest
import torch
from torchmetrics.image import PeakSignalNoiseRatio

from chromahint.models.unet import UNet
from chromahint.training.callbacks.validation_metric import ValidationMetric
from chromahint.training.lightning_module import ColorizationModule

METRIC = [
    "+callbacks.uqi._target_=chromahint.training.callbacks.validation_metric.ValidationMetric",
    "+callbacks.uqi.name=uqi",
    "+callbacks.uqi.metric._target_=torchmetrics.image.UniversalImageQualityIndex",
]  # fmt: skip


def test_metric_of_torchmetrics_is_logged_at_each_hint_count(command, tiny, read_metrics):
    done = command("train", *tiny, *METRIC)
    assert done.status == 0, done.err
    logged = read_metrics(done.run)
    assert {name for name in logged if "uqi" in name} == {"val/uqi", "val/uqi@0", "val/uqi@1", "val/uqi@10"}
    assert len(logged["val/uqi"]) == len(logged["val/psnr"])
    assert logged["val/uqi"] == pytest.approx(
        [(one + ten) / 2 for one, ten in zip(logged["val/uqi@1"], logged["val/uqi@10"], strict=True)]
    )
    assert all(0 < value < 1 for value in logged["val/uqi"])


def test_images_left_out_of_psnr_are_left_out_here():
    module = ColorizationModule(UNet(width=4))
    logged = {}
    module.log_dict, module.log = logged.update, lambda name, value: logged.update({name: value})
    photos = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    predictions = {k: photos.flip(0) for k in module.protocol.hint_counts}
    outputs = {"rgb": photos, "predictions": predictions, "weight": torch.tensor([1.0, 0.0, 1.0])}
    callback, trainer = ValidationMetric("p", PeakSignalNoiseRatio(data_range=1.0)), SimpleNamespace()
    callback.on_validation_epoch_start(trainer, module)
    callback.on_validation_batch_end(trainer, module, outputs, None, 0)
    callback.on_validation_epoch_end(trainer, module)
    expected = PeakSignalNoiseRatio(data_range=1.0)(photos.flip(0)[[0, 2]] / 255, photos[[0, 2]] / 255)
    assert float(logged["val/p@10"]) == pytest.approx(float(expected), abs=1e-5)


def test_other_objects_are_refused(command, tiny):
    with pytest.raises(ValueError, match="callbacks.x.metric: Identity is no metric"):
        ValidationMetric("x", torch.nn.Identity())
    refused = command("train", *tiny, *METRIC[:2], "+callbacks.uqi.metric._target_=torch.nn.Identity")
    assert refused.status == 2
    assert "callbacks.uqi.metric: Identity is no metric. It must be a torchmetrics.Metric" in refused.err
    assert not (refused.folder / "runs").exists()
