"""The LightningModule in runs: training steps, validation, and reproducibility."""

import itertools
import math
import subprocess
from types import SimpleNamespace

import pytest
import torch

from chromahint.config.paths import list_groups
from chromahint.runs.run import open_run
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.train import build_module

NETWORKS = [name for name in list_groups()["model"] if name not in ("gray", "levin", "pullpush")]


@pytest.fixture
def each_step(monkeypatch):
    """`each_step(callback)` calls callback(module, batch) before every training step."""
    original = ColorizationModule.training_step

    def install(callback):
        def step(module, batch, batch_idx):
            callback(module, batch)
            return original(module, batch, batch_idx)

        monkeypatch.setattr(ColorizationModule, "training_step", step)

    return install


def weights(run, name="last.ckpt"):
    return torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"]


def rows(run):
    return [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]


def test_validation_logs_every_hint_count(smoke_run, read_metrics):
    found = read_metrics(smoke_run)
    for metric in ("psnr", "ssim", "ciede2000"):
        for count in (0, 1, 10):
            assert len(found[f"val/{metric}@{count}"]) == 1
        mean = (found[f"val/{metric}@1"][0] + found[f"val/{metric}@10"][0]) / 2
        assert found[f"val/{metric}"][0] == pytest.approx(mean, rel=1e-6)


def test_without_hints_val_psnr_is_that_of_zero_hints(train, read_metrics):
    found = read_metrics(train("protocol.hint_counts=[0]"))
    assert found["val/psnr"] == found["val/psnr@0"]


def test_metrics_csv_has_one_header_and_ordered_steps(train):
    header, *lines = rows(train("trainer.max_steps=4", "trainer.val_check_interval=2"))
    assert header == ["step", "epoch", "name", "value"]
    assert all(line != header for line in lines)
    assert [int(step) for step, *_ in lines] == sorted(int(step) for step, *_ in lines)
    assert [int(step) for step, _, name, _ in lines if name == "train/loss"] == [0, 1, 2, 3]
    assert {int(step) for step, _, name, _ in lines if name.startswith("val/")} == {1, 3}
    assert all(math.isfinite(float(value)) for *_, value in lines)


def test_metrics_are_logged_every_n_steps(train):
    lines = rows(train("trainer.max_steps=6", "trainer.log_every_n_steps=3"))
    assert [int(step) for step, _, name, _ in lines[1:] if name == "train/loss"] == [2, 5]


def test_runs_are_reproducible_by_seed(train):
    first, again, zero, zero_again = (train(f"seed={seed}") for seed in (5, 5, 0, 0))
    assert (first / "metrics.csv").read_text() == (again / "metrics.csv").read_text()
    assert (zero / "metrics.csv").read_text() == (zero_again / "metrics.csv").read_text()
    assert (first / "metrics.csv").read_text() != (zero / "metrics.csv").read_text()
    expected, repeated, different = map(weights, (first, again, zero))
    for name, tensor in expected.items():
        assert torch.equal(tensor, repeated[name]), name
    assert any(not torch.equal(tensor, different[name]) for name, tensor in expected.items())


def test_generator_depends_on_seed_epoch_batch_and_rank(smoke_run):
    config = open_run(smoke_run).config

    def draw(seed, epoch, batch, rank):
        module = build_module(config | {"seed": seed})
        module.trainer = SimpleNamespace(current_epoch=epoch, global_rank=rank)
        return tuple(torch.rand(4, generator=module.generator(batch)).tolist())

    draws = [draw(*case) for case in itertools.product((0, 1), repeat=4)]
    assert draw(0, 0, 0, 0) == draws[0]
    assert len(set(draws)) == len(draws)


def test_cosine_schedule_sets_the_learning_rate(train, each_step):
    rates = []
    each_step(lambda module, _: rates.append(module.trainer.optimizers[0].param_groups[0]["lr"]))
    train(
        "trainer.max_steps=5", "optimizer.lr=0.01", "lr_schedule=cosine", "lr_schedule.warmup_fraction=0.2",
        "lr_schedule.start_factor=0.1", "lr_schedule.min_factor=0",
    )  # fmt: skip
    # step i of 5: a fifth of warm-up, then the cosine over the remaining four fifths
    decay = [(1 + math.cos(math.pi * fraction)) / 2 for fraction in (0, 0.25, 0.5, 0.75)]
    assert rates == pytest.approx([0.001, *(0.01 * factor for factor in decay)])


def test_milestones_in_epochs_set_the_learning_rate(command, tiny, make_photos, tmp_path, each_step):
    for split, count in {"train": 4, "val": 1, "test": 1}.items():
        make_photos(tmp_path / "photos" / split, count)
    rates = []
    each_step(lambda module, _: rates.append(module.trainer.optimizers[0].param_groups[0]["lr"]))
    made = command(
        "train", *tiny, f"data.root={tmp_path / 'photos'}", "trainer.max_steps=null", "trainer.max_epochs=3",
        "optimizer.lr=0.01", "lr_schedule=steps_2022", "lr_schedule.milestones=[1,2]",
        "lr_schedule.factors=[1,0.1,0.01]",
    )  # fmt: skip
    assert made.status == 0, made.err
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])


def test_reduce_on_plateau_receives_validation_scores(train, each_step):
    rates = []
    each_step(lambda module, _: rates.append(module.trainer.optimizers[0].param_groups[0]["lr"]))
    # weights barely change, so no validation improves on the first
    train(
        "trainer.max_steps=6", "trainer.val_check_interval=1", "optimizer=sgd", "optimizer.lr=1e-12",
        "lr_schedule=plateau", "lr_schedule.patience=1", "lr_schedule.factor=0.5",
    )  # fmt: skip
    assert rates[0] == 1e-12
    assert rates[-1] == pytest.approx(0.25e-12)
    assert sorted(rates, reverse=True) == rates


@pytest.mark.parametrize("clip", [0.001, 0.004])
def test_gradients_are_clipped(train, each_step, clip):
    before = {}

    def remember(module, _):
        before.update({name: tensor.detach().clone() for name, tensor in module.network.named_parameters()})

    each_step(remember)
    run = train(
        "trainer.max_steps=1", f"trainer.gradient_clip_val={clip}", "optimizer=sgd", "optimizer.lr=1",
        "optimizer.momentum=0", "lr_schedule=constant", "callbacks.ema=null",
        "model=hscaunet", "model.zero_init_head=false",
    )  # fmt: skip
    after = weights(run)
    moved = sum(float((after[f"network.{name}"] - tensor).double().square().sum()) for name, tensor in before.items())
    assert math.sqrt(moved) == pytest.approx(clip, rel=1e-2)


def test_gradient_accumulation_combines_batches_into_one_step(train, each_step):
    batches = []
    each_step(lambda _, batch: batches.append(len(batch["rgb"])))
    run = train("trainer.max_steps=2", "trainer.accumulate_grad_batches=2", "data.batch_size=1")
    assert batches == [1, 1, 1, 1]
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 2


def test_training_reduces_the_loss(train, read_metrics):
    model = "model=unet model.width=8 loss=huber optimizer=adam optimizer.lr=0.01 lr_schedule=cosine"
    data = "trainer.max_steps=60 trainer.val_check_interval=60 data.batch_size=4 augment=none"
    losses = read_metrics(train(*model.split(), *data.split()))["train/loss"]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


@pytest.mark.parametrize("stage", ["regression", "classes"])
def test_color_classes_are_trained(train, read_metrics, stage):
    run = train("model=zhang2017", "loss=zhang", f"model.stage={stage}", "model.zero_init_head=false")
    # the cross-entropy of 529 equally likely classes is 6.27
    assert read_metrics(run)["train/loss"][0] > 3


def combinations():
    """Overrides of runs that together cover every choice of these groups."""
    groups = {name: list_groups()[name] for name in ("hints", "augment", "loss", "optimizer", "lr_schedule")}
    for number in range(max(map(len, groups.values()))):
        words = [f"{group}={names[number % len(names)]}" for group, names in groups.items()]
        of_loss = {"zhang": "zhang2017", "rebalanced_classes": "zhang2016"}
        network = of_loss.get(words[2].removeprefix("loss="), NETWORKS[number % len(NETWORKS)])
        yield [f"model={network}", "model.width=16", *words]


@pytest.mark.slow
@pytest.mark.parametrize("words", combinations(), ids=lambda words: " ".join(words))
def test_every_choice_trains(train, read_metrics, words):
    found = read_metrics(train(*words, "data.resize_mode=random_resized_crop"))
    assert all(math.isfinite(value) for value in found["train/loss"])


def test_bf16_trains_and_validates(train, read_metrics):
    found = read_metrics(train("trainer.precision=bf16-mixed"))
    assert all(math.isfinite(value) for values in found.values() for value in values)


def test_every_network_trains_at_minimum_width(python):
    """Runs in its own process, since a failure may crash the process."""
    command = [python, "-m", "support.minimum_width", *NETWORKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.split()) == (0, NETWORKS)
