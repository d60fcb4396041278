"""Fixtures for all tests: images, finished runs, and the `chromahint` command, in this process or in its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from support import fork_server
from support.browser import BROWSER, Browser

# several files have this name, and the search for doctests would confuse them
collect_ignore_glob = ["*/conftest.py"]

# the networks here are so small that threads would wait for each other longer than they compute
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--screenshots", type=Path, metavar="DIR", help="write screenshots of the studio to this folder")


def pytest_configure(config):
    """Draw synthetic scenes once for all tests; pytest-xdist workers inherit the folder."""
    if "CHROMAHINT_CACHE" not in os.environ:
        config.own_cache = os.environ["CHROMAHINT_CACHE"] = tempfile.mkdtemp(prefix="chromahint-cache-")
        os.environ["CHROMAHINT_CONFIG"] = str(Path(config.own_cache, "config"))


def pytest_unconfigure(config):
    if own := getattr(config, "own_cache", None):
        shutil.rmtree(own, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_wandb_account(tmp_path_factory):
    """Keep W&B from finding an account, and from writing to the user's folders."""
    wandb = tmp_path_factory.mktemp("wandb")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"):
            patch.setenv(name, str(wandb))
        patch.setenv("NETRC", str(wandb / "no-netrc"))
        patch.setenv("COLUMNS", "160")
        yield


@contextlib.contextmanager
def restored_process_state():
    """Undo what a run changes in its whole process."""
    environment, path, handler = dict(os.environ), list(sys.path), signal.getsignal(signal.SIGINT)
    precision = torch.get_float32_matmul_precision()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        signal.signal(signal.SIGINT, handler)
        torch.set_float32_matmul_precision(precision)


@dataclass
class CommandResult:
    """Exit status and output of a command, and the folder it ran in."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def run(self) -> Path:
        """The run folder that the command printed."""
        line = next(line for line in self.out.splitlines() if line.startswith("run: "))
        return self.folder / line.removeprefix("run: ").strip()


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """A program in place of `sys.executable` that starts `-m chromahint...` in milliseconds."""
    folder = Path(tempfile.mkdtemp(prefix="chromahint-python-"))
    yield fork_server.install(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def quick_processes(python):
    """Let commands that tests run in this process start others with `python`."""
    run_here.python = python


def run_here(words, folder):
    """Run `chromahint WORDS` in this process, in a folder."""
    from chromahint.cli.main import main

    words = [str(word) for word in words]
    out, err = io.StringIO(), io.StringIO()
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with pytest.MonkeyPatch.context() as patch, restored_process_state(), streams[0], streams[1]:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["chromahint", *words])
        patch.setattr(sys, "executable", run_here.python)
        status = main(words)
    return CommandResult(status, out.getvalue(), err.getvalue(), Path(folder))


@pytest.fixture(scope="session")
def here():
    """`here(folder, "train", ...)` runs the command in this process, in a folder that several tests share."""
    return lambda folder, *words: run_here(words, folder)


@pytest.fixture
def command(tmp_path):
    """`command("train", ...)` runs the command in this process, in the test's own folder."""
    return lambda *words, folder=tmp_path: run_here(words, folder)


@pytest.fixture(scope="session")
def process(python):
    """`process(folder, "train", ...)` runs the command in its own process, without a terminal."""

    def start(folder, *words, program=python, **environment):
        done = subprocess.run(
            [program, "-m", "chromahint", *map(str, words)],
            cwd=folder,
            # not the W&B service that this process may have started
            env={**os.environ, "PYTHONUNBUFFERED": "1", "WANDB_SERVICE": "", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr, Path(folder))

    return start


def write_photos(folder, count=8, size=64, seed=0):
    """Write color images: a gradient and a disc of random colors, with a little noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    for number in range(count):
        first, second, third = rng.uniform(20, 235, (3, 3))
        image = first + (second - first) * rows[..., None]
        image[(rows - rng.uniform(0.3, 0.7)) ** 2 + (columns - rng.uniform(0.3, 0.7)) ** 2 < 0.05] = third
        image += rng.normal(0, 3, image.shape)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"photo-{number}.png")
    return folder


@pytest.fixture(scope="session")
def make_photos():
    """`make_photos(folder, count=8)` fills a folder with small color images."""
    return write_photos


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 8 images of 64 px. Don't change it."""
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def tiny(photos):
    """Overrides for a training run of a fraction of a second: two steps of a thin network on 8 images.

    U-Net, as the default network has hundreds of small weights, which take longer to save and load than to train.
    """
    return [
        "debug=smoke",
        "data=folder",
        f"data.root={photos}",
        "data.shorter_side=64",
        "logger=none",
        "trainer=cpu",
        "trainer.precision=32-true",
        "model=unet",
        "model.width=4",
        "protocol.hint_counts=[0,1,10]",
    ]


@pytest.fixture
def no_figures(monkeypatch):
    """Runs that are trained in this process draw no figures, which take longer than their training does."""
    from chromahint.training import final_evaluation

    monkeypatch.setattr(final_evaluation, "write_figure", lambda figure, path: path)


@pytest.fixture
def train(command, tiny, no_figures):
    """`train(*words)` trains on the tiny photos with the command, and returns the run folder."""

    def start(*words):
        result = command("train", *tiny, *words)
        assert result.status == 0, result.err
        return result.run

    return start


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory, tiny):
    """The folder of a finished run of the default network. Don't change it; make a copy."""
    result = run_here(["train", *tiny, "model=spreadnet"], tmp_path_factory.mktemp("smoke"))
    assert result.status == 0, result.err
    return result.run


@pytest.fixture(scope="session")
def models_as_json(tmp_path_factory):
    """The output of `chromahint models --json`, which takes seconds to count operations."""
    return json.loads(run_here(["models", "--json"], tmp_path_factory.mktemp("models")).out)


@pytest.fixture(scope="session")
def default_run(tmp_path_factory, process):
    """The result of `chromahint train` in an empty folder, without an account or a terminal.

    Only the width of the network and the number of steps differ from the defaults: synthetic scenes, and W&B offline.
    """
    words = ["train", "debug=smoke", "model.width=4", "trainer.val_check_interval=1"]
    result = process(tmp_path_factory.mktemp("default"), *words, program=sys.executable)
    assert result.status == 0, result.err
    return result


@pytest.fixture
def read_metrics():
    """`read_metrics(run)` reads metrics.csv: {name: [value, ...]}, in the order they were logged."""

    def read(run):
        values = {}
        for line in (run / "metrics.csv").read_text().splitlines()[1:]:
            _, _, name, value = line.split(",")
            values.setdefault(name, []).append(float(value))
        return values

    return read


@pytest.fixture(scope="session")
def inspect_wandb():
    """`inspect_wandb(run)` returns what W&B itself reads from the offline run in a run folder: config, summary, ..."""

    def read(run):
        [log] = (run / "wandb").glob("offline-run-*/run-*.wandb")
        done = subprocess.run(
            [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(log)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return json.loads(done.stdout)

    return read


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A real browser, if one is installed."""
    if BROWSER is None:
        pytest.skip("needs chromium or google-chrome on the PATH")
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()
