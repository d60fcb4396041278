"""Damaged and hostile input, made by Hypothesis, is read or refused with a sentence.

A slice runs with the other tests, always the same. `pytest -m slow tests/test_fuzz.py` tries thousands, other ones
each time.
"""

import contextlib
import io
import json
import resource
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from chromahint.config.compose import compose
from chromahint.config.validate import validate
from chromahint.hints.hint_file import parse_hints
from chromahint.images.decode import UnreadableImageError
from chromahint.images.image_file import decode_image
from chromahint.inference.load import load_network
from chromahint.models.registry import create_model
from chromahint.models.state_dict import load_weights

MAX_BYTES = 1.5e9
"""A test may not add more than this to the peak memory of its process."""


def quick(count):
    return settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )


def thorough(count):
    return settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@contextlib.contextmanager
def bounded_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MAX_BYTES


def encode(file_format, mode, **options):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (24, 20), dtype=np.uint16))
    else:
        image = Image.fromarray(pixels).convert(mode)
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def animated(file_format):
    return encode(file_format, "RGB", save_all=True, append_images=[Image.new("RGB", (20, 24), "red")] * 3)


PICTURES = [
    encode("JPEG", "RGB"), encode("JPEG", "CMYK"), encode("JPEG", "L", progressive=True), encode("PNG", "RGBA"),
    encode("PNG", "P"), encode("PNG", "I;16"), encode("PNG", "1"), encode("TIFF", "RGB", compression="tiff_lzw"),
    encode("TIFF", "I;16"), encode("TIFF", "CMYK"), encode("TIFF", "F"), encode("WEBP", "RGB"), animated("WEBP"),
    encode("GIF", "P"), animated("GIF"), encode("BMP", "RGB"), encode("BMP", "1"),
]  # fmt: skip

HINTS = json.dumps(
    {
        "format": "chromahint-hints/1",
        "points": [{"x": 40, "y": 30, "color": "#c04020", "radius": 3}],
        "strokes": [{"points": [[1, 2], [14, 6]], "color": "#30a040", "radius": 2}],
        "image": {"name": "a.png", "width": 100, "height": 80},
    }
).encode()

edits = st.lists(
    st.tuples(
        st.floats(0, 1),  # where
        st.sampled_from(["replace", "insert", "delete", "cut"]),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00" * 8, b"1e999", b"NaN", b"[" * 50]),
        ),
    ),
    min_size=1,
    max_size=5,
)


def change(content, changes):
    """Apply edits to the content of a file; most fall near its start, where headers are."""
    data = bytearray(content)
    for where, kind, piece in changes:
        at = int(len(data) * where**2)
        if kind == "replace":
            data[at : at + len(piece)] = piece
        elif kind == "insert":
            data[at:at] = piece
        elif kind == "delete":
            del data[at : at + 8 * len(piece)]
        else:
            del data[at:]
    return bytes(data)


def check_picture(index, changes):
    with contextlib.suppress(UnreadableImageError):
        image = decode_image(change(PICTURES[index], changes), "fuzz")
        assert image.pixels.size > 0


def check_hints(changes):
    with contextlib.suppress(ValueError):
        parse_hints(change(HINTS, changes).decode("utf-8", "replace"))


picture_inputs = given(st.integers(0, len(PICTURES) - 1), edits)


@quick(300)
@picture_inputs
def test_pictures(index, changes):
    check_picture(index, changes)


@pytest.mark.slow
def test_ten_thousand_pictures():
    with bounded_memory():
        thorough(10_000)(picture_inputs(check_picture))()


@quick(300)
@given(edits)
def test_hint_files(changes):
    check_hints(changes)


@pytest.mark.slow
def test_ten_thousand_hint_files():
    with bounded_memory():
        thorough(10_000)(given(edits)(check_hints))()


KEYS = [
    "model", "model.width", "model.blocks", "data", "data.root", "data.batch_size", "data.train_size", "hints",
    "hints.low", "loss", "optimizer", "optimizer.lr", "optimizer.betas", "lr_schedule", "trainer.max_steps",
    "trainer.precision", "trainer.devices", "callbacks.ema", "logger", "protocol", "protocol.hint_counts",
    "protocol.size", "seed", "name", "weights", "runs_dir", "experiment", "debug", "nonsense", "+model.x", "~logger",
    "model._target_", "hydra.run.dir",
]  # fmt: skip
VALUES = [
    "unet", "spreadnet", "folder", "packed", "huber", "adam", "null", "true", "-1", "0", "1e400", "nan", "inf", "[]",
    "[0,1]", "[1,0]", "{}", "{a: 1}", "10000000000000000000", "0.5", "''", "${seed}", "${model}", "${oc.env:HOME}",
    "os.system", "../../etc/passwd", "/", "smoke", "auto", "16-mixed", "a=b", "\\", "(", "ä", "range(1,3)", "1,2",
]  # fmt: skip
overrides = st.lists(
    st.one_of(
        st.builds("{}={}".format, st.sampled_from(KEYS), st.sampled_from(VALUES)),
        st.builds("{}={}".format, st.sampled_from(KEYS), st.text(max_size=8)),
        st.text(max_size=20),
    ),
    max_size=4,
)


def check_config(words):
    with contextlib.suppress(ValueError):
        validate(compose("train", words).config, "train")


@quick(60)
@given(overrides)
def test_configs(words):
    check_config(words)


@pytest.mark.slow
def test_five_thousand_configs():
    with bounded_memory():
        thorough(5_000)(given(overrides)(check_config))()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A checkpoint and a safetensors file of a small network."""
    import safetensors.torch

    folder = tmp_path_factory.mktemp("weights")
    network = create_model("unet", {"width": 4})
    torch.save({"state_dict": network.state_dict()}, folder / "small.ckpt")
    safetensors.torch.save_file(network.state_dict(), folder / "small.safetensors")
    return [folder / "small.ckpt", folder / "small.safetensors"]


def check_weights(weights, count, make_settings, folder):
    network = create_model("unet", {"width": 4})
    contents = [file.read_bytes() for file in weights]

    @make_settings(count)
    @given(st.integers(0, 1), edits)
    def check(index, changes):
        file = folder / weights[index].name
        file.write_bytes(change(contents[index], changes))
        with contextlib.suppress(ValueError):
            load_weights(network, file)

    with bounded_memory():
        check()


def test_weights(weights, tmp_path):
    check_weights(weights, 100, quick, tmp_path)


@pytest.mark.slow
def test_two_thousand_weights(weights, tmp_path):
    check_weights(weights, 2_000, thorough, tmp_path)


def check_onnx_files(run, here, folder, count, make_settings):
    result = here(folder, "export", run, "--format", "onnx", "-o", "small.onnx")
    assert result.status == 0, result.err
    content = (folder / "small.onnx").read_bytes()

    @make_settings(count)
    @given(edits)
    def check(changes):
        (folder / "changed.onnx").write_bytes(change(content, changes))
        with contextlib.suppress(ValueError):
            load_network(folder / "changed.onnx")

    with bounded_memory():
        check()


@pytest.mark.slow
def test_thousand_onnx_files(smoke_run, here, tmp_path):
    check_onnx_files(smoke_run, here, tmp_path, 1_000, thorough)


def test_exported_folders(smoke_run, here, tmp_path):
    result = here(tmp_path, "export", smoke_run, "--format", "safetensors", "-o", "exported")
    assert result.status == 0, result.err
    content = (tmp_path / "exported/config.json").read_bytes()
    changed = shutil.copytree(tmp_path / "exported", tmp_path / "changed")

    @quick(60)
    @given(edits)
    def check(changes):
        (changed / "config.json").write_bytes(change(content, changes))
        with contextlib.suppress(ValueError):
            load_network(changed)

    with bounded_memory():
        check()
