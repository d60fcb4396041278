"""Checkpoints of a run: last.ckpt and best.ckpt."""

import pytest
import torch

from chromahint.training.callbacks.checkpoint import checkpoint_callbacks


def load(run, name):
    return torch.load(run / "checkpoints" / name, weights_only=True, map_location="cpu")


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_checkpoints_load_with_weights_only(smoke_run, name):
    content = load(smoke_run, name)
    assert content["global_step"] == 2
    assert all(key.startswith("network.") for key in content["state_dict"])
    assert content["optimizer_states"]
    assert "lr_schedule" in content


def test_run_has_two_checkpoints(smoke_run):
    assert sorted(path.name for path in (smoke_run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_several_validations_leave_two_checkpoints(train):
    run = train("trainer.val_check_interval=1", "trainer.max_steps=5", "callbacks.checkpoint.every_n_steps=2")
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


@pytest.mark.parametrize("ema", ["callbacks.ema.decay=0.9", "callbacks.ema=null"])
def test_best_checkpoint_has_the_best_validation_score(train, command, read_metrics, ema):
    # with such a high learning rate, the last step is not the best
    steps = ["trainer.val_check_interval=1", "trainer.max_steps=6", "optimizer.lr=0.3", "lr_schedule=constant"]
    run = train("model=hscaunet", *steps, ema)
    scores = read_metrics(run)["val/psnr"]
    assert len(set(scores)) > 2
    assert load(run, "best.ckpt")["global_step"] == scores.index(max(scores)) + 1
    evaluated = command(
        "evaluate",
        f"run={run}",
        "split=val",
        "device=cpu",
        "protocol.size=64",
        "protocol.hint_counts=[0,1,10]",
        "output=out",
    )
    assert evaluated.status == 0, evaluated.err
    import json

    by_hints = json.loads((evaluated.folder / "out/metrics.json").read_text())["by_hints"]
    assert (by_hints["1"]["psnr"] + by_hints["10"]["psnr"]) / 2 == pytest.approx(max(scores), abs=1e-3)


def test_last_checkpoint_has_averaged_and_current_weights(train):
    content = load(train("trainer.max_steps=3", "optimizer.lr=0.1"), "last.ckpt")
    averaged, current = content["state_dict"], content["current_model_state"]
    assert set(averaged) == set(current)
    assert any(not torch.equal(averaged[name], current[name]) for name in averaged)


def test_last_checkpoint_is_written_every_n_steps(train, monkeypatch):
    from lightning.pytorch import Trainer

    written = []
    original = Trainer.save_checkpoint

    def record(trainer, file, *arguments, **options):
        if str(file).endswith("last.ckpt"):
            written.append(trainer.global_step)
        return original(trainer, file, *arguments, **options)

    monkeypatch.setattr(Trainer, "save_checkpoint", record)
    train("trainer.max_steps=5", "trainer.val_check_interval=100", "callbacks.checkpoint.every_n_steps=2")
    assert written == [2, 4, 5]
    written.clear()
    train(
        "trainer.max_steps=3",
        "trainer.val_check_interval=100",
        "callbacks.checkpoint.every_n_steps=2",
        "trainer.accumulate_grad_batches=2",
    )
    assert written == [2, 3]


def test_last_checkpoint_is_written_before_each_validation(train, monkeypatch):
    from lightning.pytorch import Trainer

    written = []
    original = Trainer.save_checkpoint

    def record(trainer, file, *arguments, **options):
        written.append((trainer.global_step, str(file).rpartition("/")[2]))
        return original(trainer, file, *arguments, **options)

    monkeypatch.setattr(Trainer, "save_checkpoint", record)
    train("trainer.max_steps=4", "trainer.val_check_interval=3", "callbacks.checkpoint.every_n_steps=100")
    assert [step for step, name in written if name == "last.ckpt"] == [2, 4]
    assert written[-1] == (4, "last.ckpt")


def test_early_stopping_saves_the_last_step(train, read_metrics):
    run = train(
        "callbacks=early_stopping", "callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_delta=100",
        "trainer.val_check_interval=1", "trainer.max_steps=50",
    )  # fmt: skip
    scores = read_metrics(run)["val/psnr"]
    assert len(scores) == 3, "the first score is an improvement, then two are not"
    assert load(run, "last.ckpt")["global_step"] == 3


def test_run_without_checkpoints_is_reported(command, tiny):
    ended = command("train", *tiny, "callbacks.checkpoint=null")
    assert ended.status == 2
    assert "checkpoint" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("every_n_steps", [0, -3])
def test_invalid_every_n_steps_is_reported(tmp_path, every_n_steps):
    with pytest.raises(
        ValueError, match=rf"callbacks\.checkpoint\.every_n_steps={every_n_steps}: must be an integer >= 1"
    ):
        checkpoint_callbacks(tmp_path, every_n_steps)
