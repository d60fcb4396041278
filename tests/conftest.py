"""What the tests share: photos, one finished run, and the real command, in this process or in one of its own."""

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

from support.browser import BROWSER, Browser

# there are several of this name, which the search for doctests would take for one
collect_ignore_glob = ["*/conftest.py"]

# networks here are so thin that threads would wait for each other longer than they work
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config):
    """Draw scenes once for all tests, also where several processes run them: workers inherit the folder."""
    if "CHROMAHINT_CACHE" not in os.environ:
        config.own_cache = os.environ["CHROMAHINT_CACHE"] = tempfile.mkdtemp(prefix="chromahint-cache-")


def pytest_unconfigure(config):
    if own := getattr(config, "own_cache", None):
        shutil.rmtree(own, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_account(tmp_path_factory):
    """Keep W&B from finding an account, and from writing into the user's folders."""
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
def undone():
    """Take back what a run sets for its whole process."""
    environment, path, interrupt = dict(os.environ), list(sys.path), signal.getsignal(signal.SIGINT)
    precision = torch.get_float32_matmul_precision()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        signal.signal(signal.SIGINT, interrupt)
        torch.set_float32_matmul_precision(precision)


@dataclass
class Outcome:
    """What came of a command: exit status, what it printed, and the folder it ran in."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def run(self) -> Path:
        """The run folder that the command named."""
        line = next(line for line in self.out.splitlines() if line.startswith("run: "))
        return self.folder / line.removeprefix("run: ").strip()


def run_here(words, folder):
    """Run `chromahint WORDS` in this process, in a folder."""
    from chromahint.cli.main import main

    words = [str(word) for word in words]
    out, err = io.StringIO(), io.StringIO()
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with pytest.MonkeyPatch.context() as patch, undone(), streams[0], streams[1]:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["chromahint", *words])
        try:
            status = main(words)
        except SystemExit as exit:  # argparse ends this way
            status = exit.code
    return Outcome(status, out.getvalue(), err.getvalue(), Path(folder))


@pytest.fixture(scope="session")
def here():
    """`here(folder, "train", ...)` runs the real command in this process, in a folder that several tests share."""
    return lambda folder, *words: run_here(words, folder)


@pytest.fixture
def command(tmp_path):
    """`command("train", ...)` runs the real command in this process, in the test's own folder."""
    return lambda *words, folder=tmp_path: run_here(words, folder)


@pytest.fixture(scope="session")
def process():
    """`process(folder, "train", ...)` runs the real command in a process of its own, with no one at the keyboard."""

    def start(folder, *words, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "chromahint", *map(str, words)],
            cwd=folder,
            # a process of its own talks to no W&B service that this one may have started
            env={**os.environ, "PYTHONUNBUFFERED": "1", "WANDB_SERVICE": "", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, Path(folder))

    return start


def draw_photos(folder, count=8, size=64, seed=0):
    """Write colorful pictures: a gradient and a disc of random colors, with a little noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    for number in range(count):
        first, second, third = rng.uniform(20, 235, (3, 3))
        picture = first + (second - first) * rows[..., None]
        picture[(rows - rng.uniform(0.3, 0.7)) ** 2 + (columns - rng.uniform(0.3, 0.7)) ** 2 < 0.05] = third
        picture += rng.normal(0, 3, picture.shape)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"photo-{number}.png")
    return folder


@pytest.fixture(scope="session")
def make_photos():
    """`make_photos(folder, count=8)` fills a folder with small colored pictures."""
    return draw_photos


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 8 pictures of 64 px. Read it only."""
    return draw_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def tiny(photos):
    """Overrides that make a training run take a fraction of a second: two steps of a thin network on 8 pictures."""
    return [
        "debug=smoke",
        "data=folder",
        f"data.root={photos}",
        "data.shorter_side=64",
        "logger=none",
        "trainer=cpu",
        "trainer.precision=32-true",
        "model.width=4",
        "protocol.hint_counts=[0,1,10]",
    ]


@pytest.fixture
def train(command, tiny):
    """`train(*words)` trains on the tiny photos by the real command and gives the run's folder."""

    def start(*words):
        made = command("train", *tiny, *words)
        assert made.status == 0, made.err
        return made.run

    return start


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory, tiny):
    """The folder of one finished run of the default network. Read it only; copy it to change it."""
    made = run_here(["train", *tiny], tmp_path_factory.mktemp("smoke"))
    assert made.status == 0, made.err
    return made.run


@pytest.fixture(scope="session")
def default_run(tmp_path_factory, process):
    """What `chromahint train` does in a fresh folder, without an account or a keyboard, shrunk to seconds.

    A network of width 4 on drawn scenes, with W&B: everything else is the default.
    """
    made = process(
        tmp_path_factory.mktemp("default"), "train", "debug=smoke", "model.width=4", "trainer.val_check_interval=1"
    )
    assert made.status == 0, made.err
    return made


@pytest.fixture
def figures():
    """`figures(run)` reads metrics.csv: {name: [value, ...]} in the order they were logged."""

    def read(run):
        found = {}
        for line in (run / "metrics.csv").read_text().splitlines()[1:]:
            _, _, name, value = line.split(",")
            found.setdefault(name, []).append(float(value))
        return found

    return read


@pytest.fixture(scope="session")
def inspect():
    """`inspect(run)` is what W&B itself reads out of the one offline run in a run folder: config, summary, and more."""

    def read(run):
        [log] = (run / "wandb").glob("offline-run-*/run-*.wandb")
        shown = subprocess.run(
            [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(log)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return json.loads(shown.stdout)

    return read


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A real browser, where there is one."""
    if BROWSER is None:
        pytest.skip("needs a browser to look at the page with: chromium or google-chrome on the PATH")
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()
