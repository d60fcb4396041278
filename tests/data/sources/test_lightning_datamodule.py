"""Photos of any LightningDataModule, whatever form its images have."""

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset

from chromahint.data.sources.lightning_datamodule import DataModuleSource

PIXELS = torch.randint(0, 256, (6, 3, 40, 56), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
FORMS = {
    "tensor": lambda x: x,
    "array": lambda x: x.permute(1, 2, 0).numpy(),
    "pil": lambda x: Image.fromarray(x.permute(1, 2, 0).numpy()),
    "tuple": lambda x: (x, 7),
    "rgb": lambda x: {"rgb": x, "label": 7},
    "image": lambda x: {"image": x},
}


class Items:
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class Module(L.LightningDataModule):
    """The first four images are for training, and exist after `setup`."""

    def __init__(self, form=FORMS["tensor"]):
        super().__init__()
        self.form = form

    def setup(self, stage):
        self.items = [self.form(x) for x in PIXELS]

    def train_dataloader(self):
        return DataLoader(Items(self.items[:4]), batch_size=2)

    def val_dataloader(self):
        return DataLoader(Items(self.items[4:]), batch_size=2)


class WithTest(Module):
    def test_dataloader(self):
        return DataLoader(Items(self.items[:1]))


class Endless(Module):
    def train_dataloader(self):
        class Stream(IterableDataset):
            def __iter__(self):
                yield from PIXELS

        return DataLoader(Stream())


class Empty(Module):
    def train_dataloader(self):
        return DataLoader(Items([]))


class Counting(Module):
    """Needs `prepare_data`, as those that download do, and counts the calls."""

    prepared = set_up = 0

    def prepare_data(self):
        self.prepared += 1

    def setup(self, stage):
        assert self.prepared
        self.set_up += 1
        super().setup(stage)


def test_data_is_prepared_once_before_it_is_read():
    source = DataModuleSource(Counting())
    for _ in range(3):
        for split in ("train", "val", "test"):
            source.photos(split, 2)
    assert (source.module.prepared, source.module.set_up) == (1, 3)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_images_is_read(form):
    photos = DataModuleSource(Module(form)).photos("train")
    assert len(photos) == 4
    for index in (3, 0):
        assert np.array_equal(photos.read(index), PIXELS[index].permute(1, 2, 0).numpy())
    assert len({photos.identify(index) for index in range(4)}) == 4
    assert photos.name(3) == "train-000003"


def test_splits():
    source = DataModuleSource(Module())
    assert [len(source.photos(split)) for split in ("train", "val", "test", "all")] == [4, 2, 2, 6]
    assert np.array_equal(source.photos("test").read(1), PIXELS[5].permute(1, 2, 0).numpy())
    with_test = DataModuleSource(WithTest())
    assert [len(with_test.photos(split)) for split in ("test", "all")] == [1, 7]
    assert len(source.photos("train", 3)) == 3


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (torch.nn.Identity(), "Identity is no LightningDataModule"),
        (
            Endless(),
            r"Endless has no train photos: TypeError: train_dataloader\(\) returned DataLoader without a dataset",
        ),
        (L.LightningDataModule(), "LightningDataModule has no train photos: MisconfigurationException"),
        (Empty(), "Empty has no train photos: IndexError"),
        (Module(lambda x: x.float()), r"Module has no train photos: TypeError: photo 0 is float32 \(40, 56, 3\)"),
        (Module(lambda x: x[:1]), r"is uint8 \(40, 56, 1\)"),
        (Module(lambda x: {"pixels": x}), "is object"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_contract(module, problem):
    with pytest.raises(ValueError, match=problem + r"[^!]*datasets of uint8 RGB images: tensors 3xHxW"):
        DataModuleSource(module).photos("train")


MODULE = """
import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

class Colors(L.LightningDataModule):
    def __init__(self, count: int, dtype: str = "uint8"):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randint(0, 256, (count, 3, 4, 4), generator=generator).float()
        self.images = torch.nn.functional.interpolate(coarse, size=64).to(getattr(torch, dtype))
    def train_dataloader(self):
        return DataLoader(TensorDataset(self.images[2:]))
    def val_dataloader(self):
        return DataLoader(TensorDataset(self.images[:2]))
"""


def test_a_run_trains_on_a_data_module(command, tmp_path):
    (tmp_path / "colors.py").write_text(MODULE)
    (tmp_path / "conf/data").mkdir(parents=True)
    (tmp_path / "conf/data/colors.yaml").write_text(
        "defaults: [lightning, _self_]\nmodule:\n  _target_: colors.Colors\n  count: 8\n  dtype: uint8\n"
    )
    words = ["train", "data=colors", "data.train_size=64", "debug=smoke", "model=unet", "model.width=4", "logger=none",
             "protocol.size=64", "protocol.hint_counts=[0,1]", "trainer=cpu"]  # fmt: skip
    done = command(*words)
    assert done.status == 0, done.err
    images = (done.run / "evaluation/random_pixels/images.csv").read_text()
    assert "test-000000" in images
    refused = command(*words, "data.module.dtype=float32", "runs_dir=others")
    assert refused.status == 2
    assert (
        "data.module: Colors has no train photos: TypeError: photo 0 is float32 (64, 64, 3). It must be" in refused.err
    )
    assert not (tmp_path / "others").exists()
