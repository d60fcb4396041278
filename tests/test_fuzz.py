"""Damaged and hostile input, made by Hypothesis, is read or refused with a sentence.

A slice runs with the slow tests, always the same, after the corpus. `pytest -m nightly tests/test_fuzz.py` tries
thousands, other ones each time.
"""

import contextlib
import json

import pytest
import safetensors.torch
import torch
from hypothesis import strategies as st

from chromahint.config.compose import compose
from chromahint.config.validate import validate
from chromahint.export.onnx import write_onnx
from chromahint.hints.hint_file import parse_hints
from chromahint.images.decode import UnreadableImageError, decode_rgb
from chromahint.images.image_file import decode_image
from chromahint.inference.load import load_network
from chromahint.models.registry import create_model
from chromahint.models.state_dict import load_weights
from support.fuzz import damaged, fuzz, tries
from support.pictures import PICTURES
from support.small_network import SmallNetwork

pytestmark = pytest.mark.slow

HINTS = json.dumps(
    {
        "format": "chromahint-hints/3",
        "points": [
            {"x": 40, "y": 30, "color": "#c04020", "radius": 3, "strength": 0.5, "area": [[0, 0], [9, 0], [5, 9]]}
        ],
        "strokes": [
            {"points": [[1, 2], [14, 6]], "color": "#30a040", "radius": 2, "enabled": False},
            {"points": [[1, 2]], "erase": True},
        ],
        "photo": {"name": "a.png", "blake2b": "00ff"},
        "palette": ["#c04020", {"color": [20, 30, 255], "weight": 3}],
    }
).encode()


@tries(300, 10_000)
def test_pictures(tries):
    def check(data):
        with contextlib.suppress(UnreadableImageError):
            assert decode_image(data, "fuzz").pixels.size > 0
        with contextlib.suppress(UnreadableImageError):
            assert decode_rgb(data, "fuzz", min_side=4).size > 0

    for picture in PICTURES:
        decode_image(picture, "valid")
    fuzz("pictures", check, damaged(*PICTURES), tries)


@tries(300, 10_000)
def test_hint_files(tries):
    def check(data):
        with contextlib.suppress(ValueError):
            parse_hints(data)

    parse_hints(HINTS)
    fuzz("hints", check, damaged(HINTS), tries)


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
OVERRIDES = st.lists(
    st.one_of(
        st.builds("{}={}".format, st.sampled_from(KEYS), st.sampled_from(VALUES)),
        st.builds("{}={}".format, st.sampled_from(KEYS), st.text(max_size=8)),
        st.text(max_size=20),
    ),
    max_size=4,
)


@tries(60, 5_000)
def test_configs(tries):
    """An input is the words of a command line, separated by zeros."""

    def check(data):
        with contextlib.suppress(ValueError):
            validate(compose("train", data.decode().split("\0") if data else []).config, "train")

    fuzz("configs", check, OVERRIDES.map(lambda words: "\0".join(words).encode()), tries)


@tries(50, 1_000)
@pytest.mark.parametrize("kind", ["ckpt", "safetensors"])
def test_weights(tmp_path, monkeypatch, kind, tries):
    monkeypatch.chdir(tmp_path)
    network, file = create_model("unet", {"width": 4}), tmp_path / f"weights.{kind}"
    if kind == "ckpt":
        torch.save({"state_dict": network.state_dict()}, file)
    else:
        safetensors.torch.save_file(network.state_dict(), file)
    load_weights(network, file)

    def check(data):
        file.write_bytes(data)
        with contextlib.suppress(ValueError):
            load_weights(network, file)

    fuzz(kind, check, damaged(file.read_bytes()), tries)
    assert list(tmp_path.iterdir()) == [file]


@tries(100, 1_000)
def test_onnx_files(tmp_path, tries):
    file = tmp_path / "small.onnx"
    write_onnx(SmallNetwork().eval(), file, {})
    load_network(file)

    def check(data):
        file.write_bytes(data)
        with contextlib.suppress(ValueError):
            load_network(file)

    fuzz("onnx", check, damaged(file.read_bytes()), tries)
    assert list(tmp_path.iterdir()) == [file]


@tries(60, 1_000)
def test_exported_folders(smoke_run, here, tmp_path, tries):
    result = here(tmp_path, "export", smoke_run, "--format", "safetensors", "-o", "exported")
    assert result.status == 0, result.err
    file, files = tmp_path / "exported/config.json", sorted(tmp_path.rglob("*"))
    load_network(file.parent)

    def check(data):
        file.write_bytes(data)
        with contextlib.suppress(ValueError):
            load_network(file.parent)

    fuzz("exported", check, damaged(file.read_bytes()), tries)
    assert sorted(tmp_path.rglob("*")) == files


@tries(20, 1_000)
def test_the_smallest_input_that_fails_is_kept(tmp_path, monkeypatch, tries):
    (tmp_path / "kind").mkdir()
    monkeypatch.setattr("support.fuzz.CORPUS", tmp_path)

    def check(data):
        assert b"bad" not in data

    with pytest.raises(AssertionError):
        fuzz("kind", check, st.binary(max_size=4).map(lambda data: data + b"bad"), tries)
    assert [file.read_bytes() for file in (tmp_path / "kind").iterdir()] == [b"bad"]
    with pytest.raises(AssertionError):
        fuzz("kind", check, st.just(b"good"), tries)
