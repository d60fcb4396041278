"""Batches: which pictures, in which order, in which epoch, on which rank, from how many workers."""

from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.samplers import EvalSampler, TrainSampler
from chromahint.data.sources.folder import folder_data


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """40 pictures for training and 7 for validation, each of one color, of all sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for split, count in (("train", 40), ("val", 7), ("test", 1)):
        (folder / split).mkdir()
        for number in range(count):
            noise = np.random.default_rng(number).integers(0, 256, (30 + number, 60 - number // 2, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / split / f"{number:02d}.png")
    return folder


def data(root: Path, **options) -> PhotoDataModule:
    return folder_data(str(root), **{"size": 16, "shorter_side": 24, "eval_size": 20, "workers": 0, **options})


def epochs(made: PhotoDataModule, count: int) -> list[list[dict]]:
    loader, found = made.loader("train"), []
    for epoch in range(count):
        loader.batch_sampler.sampler.set_epoch(epoch)
        found.append(list(loader))
    return found


def test_batches_hold_what_the_device_needs(root):
    batches = list(data(root, batch_size=8).loader("train"))
    assert len(batches) == 5
    assert sorted(name for batch in batches for name in batch["name"]) == [f"train/{n:02d}.png" for n in range(40)]
    for batch in batches:
        assert batch["rgb"].shape == (8, 3, 16, 16)
        assert batch["rgb"].dtype == torch.uint8
        assert batch["rgb"].is_contiguous(memory_format=torch.channels_last)
        assert batch["weight"].tolist() == [1.0] * 8
        assert {len(name) for name in batch["id"]} == {32}
        assert batch["broken"] == []


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("fit", ["squash", "random_crop", "random_resized_crop"])
def test_workers_change_nothing(root, fit):
    alone = epochs(data(root, fit=fit), 2)
    helped = epochs(data(root, fit=fit, workers=4), 2)
    for mine, theirs in zip(alone[0] + alone[1], helped[0] + helped[1], strict=True):
        assert mine["name"] == theirs["name"]
        assert torch.equal(mine["rgb"], theirs["rgb"])
    # and each epoch is another
    first, second = (
        {name: picture for batch in epoch for name, picture in zip(batch["name"], batch["rgb"], strict=True)}
        for epoch in alone
    )
    assert list(first) != list(second)
    differ = sum(not torch.equal(first[name], second[name]) for name in set(first) & set(second))
    assert differ == 0 if fit == "squash" else differ > 20


def test_seeds_differ_and_repeat(root):
    def names(seed):
        return [name for batch in data(root, seed=seed).loader("train") for name in batch["name"]]

    assert names(0) == names(0) != names(1)


def test_ranks_share_the_steps_pictures():
    for epoch in (0, 3):
        whole, ranks = TrainSampler(45, 8, seed=2), [TrainSampler(45, 4, 2, rank, 2) for rank in (0, 1)]
        for order in (whole, *ranks):
            order.set_epoch(epoch)
        assert whole.batches() == ranks[0].batches() == 5
        drawn = [[draw.photo for draw in order] for order in (whole, *ranks)]
        assert len(set(drawn[0])) == 40
        for step in range(5):
            together = drawn[1][4 * step : 4 * step + 4] + drawn[2][4 * step : 4 * step + 4]
            assert sorted(together) == sorted(drawn[0][8 * step : 8 * step + 8])


def test_few_pictures_still_fill_a_batch():
    order = TrainSampler(3, 8, seed=0)
    assert order.batches() == 1
    photos = [draw.photo for draw in order]
    assert len(photos) == 8
    assert set(photos) == {0, 1, 2}


@pytest.mark.parametrize(("count", "world"), [(7, 1), (7, 2), (7, 3), (1, 4), (8, 4)])
def test_evaluation_counts_each_picture_once(count, world):
    ranks = [EvalSampler(count, 2, rank, world) for rank in range(world)]
    assert len({order.batches() for order in ranks}) == 1
    drawn = [draw for order in ranks for draw in order]
    assert sorted(draw.photo for draw in drawn if draw.weight == 1) == list(range(count))
    assert len({len(list(order)) for order in ranks}) == 1
    assert {draw.weight for draw in drawn} <= {0.0, 1.0}


def test_evaluation_pictures_are_squashed_in_order(root):
    loader = data(root, eval_batch_size=4).loader("val")
    first, second = loader
    assert first["rgb"].shape == (4, 3, 20, 20)
    assert first["name"] + second["name"] == [f"val/{n:02d}.png" for n in range(7)]
    # shrinking averages: no pixel is passed over
    picture = np.asarray(Image.open(root / "val" / "00.png"), dtype=float)
    assert np.abs(first["rgb"][0].float().mean((1, 2)).numpy() - picture.mean((0, 1))).max() < 1


def broken_folder(tmp_path: Path, good: int) -> Path:
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        for number in range(6):
            path = tmp_path / split / f"{number}.png"
            if number < good:
                Image.new("RGB", (40, 40), (number * 40, 0, 0)).save(path)
            else:
                path.write_bytes(b"no picture")
    return tmp_path


def test_unreadable_training_pictures_are_replaced_and_listed(tmp_path):
    made = data(broken_folder(tmp_path, 4), batch_size=6)
    (batch,) = made.loader("train")
    assert batch["weight"].tolist() == [1.0] * 6
    assert sorted(batch["name"]) == sorted(f"train/{n}.png" for n in (0, 0, 0, 1, 2, 3))
    assert {Path(line.split(": ")[0]).name for line in batch["broken"]} == {"4.png", "5.png"}
    assert all("not a picture" in line for line in batch["broken"])
    for name, picture in zip(batch["name"], batch["rgb"], strict=True):
        assert picture[0, 0, 0] == int(name[6]) * 40


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_readable_is_explained(tmp_path, workers):
    with pytest.raises(ValueError, match="None of the 6 training pictures can be read"):
        list(data(broken_folder(tmp_path, 0), workers=workers).loader("train"))


def test_unreadable_evaluation_pictures_weigh_nothing(tmp_path):
    (batch,) = data(broken_folder(tmp_path, 4), eval_batch_size=8).loader("val")
    assert batch["weight"].tolist() == [1, 1, 1, 1, 0, 0]
    assert [Path(line.split(": ")[0]).name for line in batch["broken"]] == ["4.png", "5.png"]


@pytest.mark.parametrize("workers", [0, 2])
def test_goes_on_in_the_middle_of_an_epoch(root, workers):
    whole = epochs(data(root, batch_size=8), 2)
    loader = data(root, batch_size=8, workers=workers).loader("train")
    loader.batch_sampler.sampler.set_epoch(0)
    passing = iter(loader)
    for _ in range(3):
        next(passing)
    state = loader.state_dict()
    again = data(root, batch_size=8, workers=workers).loader("train")
    again.load_state_dict(state)
    assert again.state_dict() == state
    rest = list(again)
    assert [batch["name"] for batch in rest] == [batch["name"] for batch in whole[0][3:]]
    assert all(torch.equal(mine["rgb"], theirs["rgb"]) for mine, theirs in zip(rest, whole[0][3:], strict=True))
    again.batch_sampler.sampler.set_epoch(1)
    assert [batch["name"] for batch in again] == [batch["name"] for batch in whole[1]]


class Watcher(L.LightningModule):
    """Notes what it is given."""

    def __init__(self, stop_at: int | None = None):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen, self.stop_at = [], stop_at

    def training_step(self, batch, _):
        self.seen.append((self.current_epoch, batch["name"], batch["rgb"].sum().item()))
        if self.stop_at == self.global_step + 1:
            self.trainer.should_stop = True
        return self.weight * 0

    def validation_step(self, batch, _): ...

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def trainer(folder: Path, **options) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return L.Trainer(default_root_dir=folder, use_distributed_sampler=False, **quiet, **options)


@pytest.mark.filterwarnings("ignore")
def test_lightning_turns_the_epochs_and_resumes(root, tmp_path):
    expected = [
        (number, batch["name"], batch["rgb"].sum().item())
        for number, epoch in enumerate(epochs(data(root, batch_size=8), 3))
        for batch in epoch
    ]
    whole = Watcher()
    trainer(tmp_path, max_epochs=3, enable_checkpointing=False).fit(whole, data(root, batch_size=8))
    assert whole.seen == expected

    saver = L.pytorch.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    trainer(tmp_path, max_epochs=3, callbacks=[saver]).fit(Watcher(), data(root, batch_size=8))
    for step in (3, 5, 8, 14):
        resumed = Watcher()
        run = trainer(tmp_path, max_epochs=3, enable_checkpointing=False)
        run.fit(resumed, data(root, batch_size=8), ckpt_path=tmp_path / f"step={step}.ckpt")
        assert resumed.seen == expected[step:], step
