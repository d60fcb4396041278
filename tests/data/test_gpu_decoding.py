"""What a GPU decodes equals what workers decode; here, nvImageCodec decodes on the CPU in its place."""

import io

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.dataset import TrainDataset
from chromahint.data.gpu_decoding import JPEGDecoder, decode_batch, find_decoder, resize_by_area
from chromahint.data.samplers import SampleIndex
from chromahint.data.sources.folder import FilePhotos, Folder
from chromahint.data.transforms import ResizeOrCrop
from chromahint.images.resize import resize_square
from support.icc_profiles import gamma, profile

pytest.importorskip("nvidia.nvimgcodec")
CPU = torch.device("cpu")


def encode(image, **options):
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=90, **options)
    return content.getvalue()


def write_files(folder):
    """Write photos of many kinds. Those whose name begins with `plain` need no conversion."""
    photo, exif = data.astronaut(), Image.Exif()
    exif[0x112] = 6
    files = {
        "plain-0.jpg": encode(photo[:300, :420]),
        "plain-1.jpg": encode(photo[:, :333], exif=exif),
        "plain-2.jpg": encode(data.coffee(), progressive=True),
        "plain-3.jpg": encode(data.chelsea(), subsampling=0),
        "profile.jpg": encode(photo, icc_profile=profile(gamma(1.8))),
        "gray.jpg": encode(photo[..., 0]),
        "small.jpg": encode(photo[:40, :60]),
        "cut-off.jpg": encode(photo)[:9000],
        "empty.jpg": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Image.fromarray(photo[:120, :80]).save(folder / "other.png")
    return sorted([*files, "other.png"])


def load(root, names, mode, epoch, leave_encoded):
    transform = ResizeOrCrop(mode, 48, 64 if mode == "random_crop" else None)
    transform.min_side = None  # workers would decode at a reduced size
    dataset = TrainDataset(FilePhotos(root, names), transform, seed=3, leave_encoded=leave_encoded)
    return dataset.__getitems__([SampleIndex(epoch, photo, 1.0) for photo in range(len(names))]), dataset


@pytest.mark.parametrize("mode", ["squash", "random_crop", "random_resized_crop"])
def test_batches_equal_those_of_workers(tmp_path, mode):
    names, decoder = write_files(tmp_path), JPEGDecoder(CPU)
    for epoch in range(5):
        expected, _ = load(tmp_path, names, mode, epoch, leave_encoded=False)
        batch, dataset = load(tmp_path, names, mode, epoch, leave_encoded=True)
        encoded = [batch["name"][file.row] for file in batch["encoded"]]
        assert encoded == [name for name in names if name.startswith("plain")]
        assert not batch["rgb"][[file.row for file in batch["encoded"]]].any()
        decode_batch(batch, decoder, dataset)
        assert batch["encoded"] == []
        difference = (batch["rgb"].int() - expected["rgb"].int()).abs()
        assert difference.max() <= 1
        for key in ("id", "name", "broken"):
            assert batch[key] == expected[key]
        assert torch.equal(batch["weight"], expected["weight"])


def test_a_file_that_the_decoder_refuses_is_replaced(tmp_path):
    content = encode(data.astronaut())
    # complete by its end, but half of it is missing
    (tmp_path / "0.jpg").write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    (tmp_path / "1.jpg").write_bytes(encode(data.coffee()))
    expected, _ = load(tmp_path, ["0.jpg", "1.jpg"], "squash", 0, leave_encoded=False)
    batch, dataset = load(tmp_path, ["0.jpg", "1.jpg"], "squash", 0, leave_encoded=True)
    assert len(batch["encoded"]) == 2
    decode_batch(batch, JPEGDecoder(CPU), dataset)
    for key in ("id", "name", "broken"):
        assert batch[key] == expected[key]
    assert (batch["rgb"].int() - expected["rgb"].int()).abs().max() <= 1


def test_a_file_without_a_header_is_not_decoded():
    photo = data.coffee()
    nothing, decoded = JPEGDecoder(CPU).decode([b"\xff\xd8\xff\xd9", encode(photo)])
    assert nothing is None
    assert np.abs(decoded.numpy().astype(int) - photo).mean() < 4
    assert JPEGDecoder(CPU).decode([]) == []


@pytest.mark.parametrize("shape", [(64, 64), (65, 200), (301, 97), (48, 50), (1500, 2000)])
def test_area_is_averaged_as_by_opencv(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    difference = resize_by_area(torch.from_numpy(image), 48).int() - torch.from_numpy(resize_square(image, 48)).int()
    assert difference.abs().max() <= 1


class Recorder(L.LightningModule):
    """Keeps the batches of a training run."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches = []

    def training_step(self, batch):
        self.batches.append({**batch, "rgb": batch["rgb"].clone()})
        return self.weight * 0

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(root, decode_on, num_workers=0):
    options = {"train_size": 48, "shorter_side": 300, "batch_size": 5, "val_fraction": 0.0, "test_fraction": 0.0}
    datamodule = PhotoDataModule(Folder, root=str(root), decode_on=decode_on, num_workers=num_workers, **options)
    module = Recorder()
    trainer = L.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, use_distributed_sampler=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(module, datamodule)
    return module.batches


@pytest.mark.filterwarnings("ignore::lightning.pytorch.utilities.warnings.PossibleUserWarning")
@pytest.mark.parametrize("num_workers", [0, 2])
def test_training_gets_decoded_batches(tmp_path, monkeypatch, num_workers):
    write_files(tmp_path)
    expected = train(tmp_path, "workers")
    monkeypatch.setattr("chromahint.data.datamodule.find_decoder", lambda device: JPEGDecoder(device))
    batches = train(tmp_path, "gpu", num_workers)
    assert len(batches) == len(expected) == 4
    for batch, other in zip(batches, expected, strict=True):
        assert batch["name"] == other["name"]
        assert (batch["rgb"].int() - other["rgb"].int()).abs().max() <= 1


@pytest.mark.filterwarnings("ignore::lightning.pytorch.utilities.warnings.PossibleUserWarning")
def test_workers_decode_where_no_gpu_trains(tmp_path, capsys):
    write_files(tmp_path)
    batches = train(tmp_path, "gpu")
    assert "training does not run on an NVIDIA GPU. Workers decode instead" in capsys.readouterr().err
    for batch, other in zip(batches, train(tmp_path, "workers"), strict=True):
        assert torch.equal(batch["rgb"], other["rgb"])


def test_a_machine_without_a_gpu_has_no_decoder():
    with pytest.raises(RuntimeError, match="not run on an NVIDIA GPU"):
        find_decoder(CPU)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError):
            find_decoder(torch.device("cuda", 0))


def test_skipping_gray_photos_needs_workers(tmp_path):
    with pytest.raises(ValueError, match=r"Use data.min_colorfulness=0 or data.decode_on=workers"):
        PhotoDataModule(Folder, root=str(tmp_path), decode_on="gpu", min_colorfulness=5)
