"""The data module yields the same batches for any number of workers and ranks, and resumes within an epoch."""

from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.data.datamodule import PhotoDataModule, check_batch_size
from chromahint.data.samplers import EvalSampler, TrainSampler
from chromahint.data.sources.folder import Folder


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """40 training, 7 validation and 1 test image of noise, of different sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for split, count in (("train", 40), ("val", 7), ("test", 1)):
        (folder / split).mkdir()
        for number in range(count):
            noise = np.random.default_rng(number).integers(0, 256, (30 + number, 60 - number // 2, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / split / f"{number:02d}.png")
    return folder


def create_datamodule(root: Path, **options) -> PhotoDataModule:
    return PhotoDataModule(Folder, root=str(root), **{"train_size": 16, "shorter_side": 24, "eval_size": 20, **options})


def load_epochs(datamodule: PhotoDataModule, count: int) -> list[list[dict]]:
    loader, epochs = datamodule.loader("train"), []
    for epoch in range(count):
        loader.batch_sampler.sampler.set_epoch(epoch)
        epochs.append(list(loader))
    return epochs


def test_contents_of_a_batch(root):
    batches = list(create_datamodule(root, batch_size=8).loader("train"))
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
@pytest.mark.parametrize("mode", ["squash", "random_crop", "random_resized_crop"])
def test_batches_do_not_depend_on_the_number_of_workers_but_on_the_epoch(root, mode):
    expected = load_epochs(create_datamodule(root, resize_mode=mode), 2)
    with_workers = load_epochs(create_datamodule(root, resize_mode=mode, num_workers=4), 2)
    for batch, expected_batch in zip(with_workers[0] + with_workers[1], expected[0] + expected[1], strict=True):
        assert batch["name"] == expected_batch["name"]
        assert torch.equal(batch["rgb"], expected_batch["rgb"])
    first, second = (
        {name: image for batch in epoch for name, image in zip(batch["name"], batch["rgb"], strict=True)}
        for epoch in expected
    )
    assert list(first) != list(second)
    differ = sum(not torch.equal(first[name], second[name]) for name in set(first) & set(second))
    assert differ == 0 if mode == "squash" else differ > 20


def test_the_seed_determines_the_order(root):
    def names(seed):
        return [name for batch in create_datamodule(root, seed=seed).loader("train") for name in batch["name"]]

    assert names(0) == names(0) != names(1)


def test_two_ranks_see_the_same_images_per_step_as_one():
    for epoch in (0, 3):
        single, ranks = TrainSampler(45, 8, seed=2), [TrainSampler(45, 8, 2, rank, 2) for rank in (0, 1)]
        for sampler in (single, *ranks):
            sampler.set_epoch(epoch)
        assert single.num_batches() == ranks[0].num_batches() == 5
        indices = [[sample.photo for sample in sampler] for sampler in (single, *ranks)]
        assert len(set(indices[0])) == 40
        for step in range(5):
            combined = indices[1][4 * step : 4 * step + 4] + indices[2][4 * step : 4 * step + 4]
            assert sorted(combined) == sorted(indices[0][8 * step : 8 * step + 8])


@pytest.mark.parametrize(
    ("batch_size", "devices", "advice"),
    [(15, 2, "Use data.batch_size=14 or data.batch_size=16"), (2, 3, "Use data.batch_size=3, or")],
)
def test_batch_that_does_not_divide_is_refused(batch_size, devices, advice):
    with pytest.raises(
        ValueError, match=rf"data\.batch_size={batch_size}: can't be split evenly over {devices} .*{advice}"
    ):
        check_batch_size(batch_size, devices)


def test_few_images_are_repeated_to_fill_a_batch():
    sampler = TrainSampler(3, 8, seed=0)
    assert sampler.num_batches() == 1
    indices = [sample.photo for sample in sampler]
    assert len(indices) == 8
    assert set(indices) == {0, 1, 2}


@pytest.mark.parametrize(("count", "world_size"), [(7, 1), (7, 2), (7, 3), (1, 4), (8, 4)])
def test_evaluation_counts_each_image_once(count, world_size):
    ranks = [EvalSampler(count, 2, rank, world_size) for rank in range(world_size)]
    assert len({sampler.num_batches() for sampler in ranks}) == 1
    samples = [sample for sampler in ranks for sample in sampler]
    assert sorted(sample.photo for sample in samples if sample.weight == 1) == list(range(count))
    assert len({len(list(sampler)) for sampler in ranks}) == 1
    assert {sample.weight for sample in samples} <= {0.0, 1.0}


def test_evaluation_images_are_squashed_and_in_order(root):
    loader = create_datamodule(root, eval_batch_size=4).loader("val")
    first, second = loader
    assert first["rgb"].shape == (4, 3, 20, 20)
    assert first["name"] + second["name"] == [f"val/{n:02d}.png" for n in range(7)]
    # shrinking averages all pixels
    image = np.asarray(Image.open(root / "val" / "00.png"), dtype=float)
    assert np.abs(first["rgb"][0].float().mean((1, 2)).numpy() - image.mean((0, 1))).max() < 1


def create_partly_broken_folder(tmp_path: Path, readable: int) -> Path:
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        for number in range(6):
            path = tmp_path / split / f"{number}.png"
            if number < readable:
                Image.new("RGB", (40, 40), (number * 40, 0, 0)).save(path)
            else:
                path.write_bytes(b"not an image")
    return tmp_path


def test_unreadable_training_images_are_replaced_and_listed(tmp_path):
    (batch,) = create_datamodule(create_partly_broken_folder(tmp_path, 4), batch_size=6).loader("train")
    assert batch["weight"].tolist() == [1.0] * 6
    assert sorted(batch["name"]) == sorted(f"train/{n}.png" for n in (0, 0, 0, 1, 2, 3))
    assert {Path(line.split(": ")[0]).name for line in batch["broken"]} == {"4.png", "5.png"}
    assert all("not an image" in line for line in batch["broken"])
    for name, image in zip(batch["name"], batch["rgb"], strict=True):
        assert image[0, 0, 0] == int(name[6]) * 40


@pytest.mark.parametrize("workers", [0, 1])
def test_error_if_no_training_image_is_readable(tmp_path, workers):
    datamodule = create_datamodule(create_partly_broken_folder(tmp_path, 0), num_workers=workers)
    with pytest.raises(ValueError, match="none of the 6 training images can be read"):
        list(datamodule.loader("train"))


def test_unreadable_evaluation_images_have_weight_0(tmp_path):
    (batch,) = create_datamodule(create_partly_broken_folder(tmp_path, 4), eval_batch_size=8).loader("val")
    assert batch["weight"].tolist() == [1, 1, 1, 1, 0, 0]
    assert [Path(line.split(": ")[0]).name for line in batch["broken"]] == ["4.png", "5.png"]


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_resumes_in_the_middle_of_an_epoch(root, workers):
    epochs = load_epochs(create_datamodule(root, batch_size=8), 2)
    loader = create_datamodule(root, batch_size=8, num_workers=workers).loader("train")
    loader.batch_sampler.sampler.set_epoch(0)
    iterator = iter(loader)
    for _ in range(3):
        next(iterator)
    state = loader.state_dict()
    resumed = create_datamodule(root, batch_size=8, num_workers=workers).loader("train")
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    rest = list(resumed)
    assert [batch["name"] for batch in rest] == [batch["name"] for batch in epochs[0][3:]]
    assert all(torch.equal(batch["rgb"], other["rgb"]) for batch, other in zip(rest, epochs[0][3:], strict=True))
    resumed.batch_sampler.sampler.set_epoch(1)
    assert [batch["name"] for batch in resumed] == [batch["name"] for batch in epochs[1]]


class BatchRecorder(L.LightningModule):
    """Records the batches it receives."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches = []

    def training_step(self, batch, _):
        self.batches.append((self.current_epoch, batch["name"], batch["rgb"].sum().item()))
        return self.weight * 0

    def validation_step(self, batch, _): ...

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def create_trainer(folder: Path, **options) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return L.Trainer(default_root_dir=folder, use_distributed_sampler=False, **quiet, **options)


@pytest.mark.filterwarnings("ignore")
def test_lightning_advances_epochs_and_resumes(root, tmp_path):
    expected = [
        (number, batch["name"], batch["rgb"].sum().item())
        for number, epoch in enumerate(load_epochs(create_datamodule(root, batch_size=8), 3))
        for batch in epoch
    ]
    checkpoint = L.pytorch.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    uninterrupted = BatchRecorder()
    trainer = create_trainer(tmp_path, max_epochs=3, callbacks=[checkpoint])
    trainer.fit(uninterrupted, create_datamodule(root, batch_size=8))
    assert uninterrupted.batches == expected
    for step in (3, 5, 8, 14):
        resumed = BatchRecorder()
        trainer = create_trainer(tmp_path, max_epochs=3, enable_checkpointing=False)
        trainer.fit(resumed, create_datamodule(root, batch_size=8), ckpt_path=tmp_path / f"step={step}.ckpt")
        assert resumed.batches == expected[step:], step
