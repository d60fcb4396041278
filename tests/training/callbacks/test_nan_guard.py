"""A loss that is not finite stops training, whether each is looked at or several together."""

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.utils.data import DataLoader

from chromahint.training.callbacks.nan_guard import NaNGuard
from chromahint.training.lightning_module import ColorizationModule


class FailsOnce(nn.Module):
    """Predicts NaN for the batch of one number."""

    def __init__(self, failing: int) -> None:
        super().__init__()
        self.failing = failing
        self.called = -1
        self.layer = nn.Conv2d(1, 2, 1)

    def forward(self, lightness, hints):
        self.called += 1
        return self.layer(lightness / 100) * (torch.nan if self.called == self.failing else 1.0)


@pytest.mark.parametrize(("every", "failing", "batches"), [(1, 3, 9), (4, 1, 9), (4, 2, 9), (100, 5, 9)])
def test_batch_is_saved_and_weights_stay_finite(tmp_path, every, failing, batches):
    images = [
        {"rgb": torch.full((3, 16, 16), 10 + n, dtype=torch.uint8), "id": str(n), "name": str(n)}
        for n in range(batches)
    ]
    module = ColorizationModule(FailsOnce(failing))
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, callbacks=[NaNGuard(tmp_path, every)],
    )  # fmt: skip
    with pytest.raises(ValueError, match=rf"^step {failing + 1}: the loss is nan; the first non-finite tensor is"):
        trainer.fit(module, DataLoader(images, batch_size=1))
    saved = torch.load(tmp_path / f"batch-of-step-{failing + 1}-process-0.pt", weights_only=True)
    assert saved["rgb"].unique().tolist() == [10 + failing]
    assert saved["batch"] == failing
    assert all(bool(parameter.isfinite().all()) for parameter in module.parameters())
