"""Progress by the limits of a plain Lightning trainer."""

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from chromahint.training.training_progress import TrainingProgress, trainer_progress


class Record(Callback):
    """Records the progress at the end of every batch."""

    def __init__(self):
        self.progress = []

    def on_train_batch_end(self, trainer, *_):
        self.progress.append(trainer_progress(trainer))


@pytest.mark.parametrize(
    ("limits", "fractions"),
    [
        ({"max_steps": 4}, [0.25, 0.5, 0.75, 1]),
        ({"max_epochs": 2}, [0.25, 0.5, 0.75, 1]),
        ({"max_steps": 8, "max_epochs": 2}, [0.25, 0.5, 0.75, 1]),
        ({"max_steps": 3, "max_epochs": 2}, [1 / 3, 2 / 3, 1]),
    ],
)
def test_fraction_follows_the_limit_that_is_reached_first(limits, fractions):
    record = Record()
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        **limits, limit_train_batches=2, limit_val_batches=0, accelerator="cpu", callbacks=[record],
        enable_model_summary=False, **options,
    )  # fmt: skip
    assert trainer_progress(trainer) == TrainingProgress(0, 0.0, 0.0)
    trainer.fit(BoringModel())
    assert [progress.fraction for progress in record.progress] == pytest.approx(fractions)
    assert [progress.step for progress in record.progress] == [1, 2, 3, 4][: len(fractions)]
    assert [progress.epoch for progress in record.progress] == [0.5, 1, 1.5, 2][: len(fractions)]
