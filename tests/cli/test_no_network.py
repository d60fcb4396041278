"""No command needs a network, or looks up a name, unless it was asked to."""

import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from chromahint.cli.main import COMMANDS
from support import fork_server, no_network

UNSHARE = shutil.which("unshare")
CAN_ISOLATE = UNSHARE is not None and subprocess.run([UNSHARE, "-rnm", "true"], check=False).returncode == 0
pytestmark = pytest.mark.skipif(not CAN_ISOLATE, reason="needs the right to create network namespaces")

HINTS = "protocol.hint_counts=[0,1]"
TWO_STEPS = ["trainer.max_minutes=null", "trainer.max_steps=2"]
TRAIN = ["train", "TINY", "runs_dir=runs", "logger=wandb"]
DEFAULT_USE = {
    "train": [*TRAIN, "name=one"],
    "multirun": [*TRAIN, "-m", "seed=0,1"],
    "resume": ["resume", "RUN"],
    "tune": ["tune", "lr", "TINY"],
    "status": ["status", "."],
    "experiment": ["experiment", "spreadnet", "TINY", "model=spreadnet", *TWO_STEPS],
    "sweep": ["sweep", "hscaunet", "trials=1", "TINY", "model=hscaunet", *TWO_STEPS],
    "evaluate": ["evaluate", "run=RUN", "data=folder", "data.root=PHOTOS", HINTS],
    "colorize": ["colorize", "PHOTOS", "-o", "colored"],
    "models": ["models"],
    "studio": ["studio", "--no-browser"],
    "hints": ["hints", "preview", "--photos", "PHOTOS", "--sampler", "points", "--size", "64"],
    "data": ["data", "pack", "PHOTOS", "-o", "pack"],
    "report": ["report", "RUN", "-o", "report.html"],
    "best": ["best", "RUN"],
    "benchmark": ["benchmark", "bench.yaml", "--data", "PHOTOS"],
    "dashboard": ["dashboard", "--dry-run"],
    "export": ["export", "RUN", "--format", "safetensors", "-o", "exported"],
    "init": ["init", "project"],
    "doctor": ["doctor"],
    "gpu-check": ["gpu-check", "--device=cpu", "--size=32", "--batch-size=2", "--seconds=0.01", "--no-compile"],
    "reproduce": ["reproduce", "RUN"],
}
NIGHTLY = ("multirun", "tune", "experiment", "sweep", "reproduce", "models", "gpu-check")
BENCHMARK = """\
# A tiny benchmark
title: Tiny
methods: {pullpush: pullpush}
sets:
  tiny: {root: ., manifest: tiny.json}
protocols:
  random_pixels: [protocol.size=32, 'protocol.hint_counts=[0,1,10]']
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory, tiny, smoke_run, photos, here):
    """`ended(names)` runs the commands of these names, and returns the result of each."""

    @functools.cache
    def run(names):
        folder = tmp_path_factory.mktemp("isolated")
        (folder / "bench.yaml").write_text(BENCHMARK)
        here(folder, "data", "manifest", photos, "-o", "tiny.json", "--license", "CC0", "--num-workers", "0")
        server = Path(tempfile.mkdtemp(prefix="chromahint-isolated-"))
        program = fork_server.install(server)
        places = {"RUN": shutil.copytree(smoke_run, folder / "run"), "PHOTOS": photos}
        commands = []
        for name in names:
            words = []
            for word in DEFAULT_USE[name]:
                own = [each for each in tiny if each != "logger=none"] if word == "TINY" else [word]
                for place, path in places.items():
                    own = [each.replace(place, str(path)) for each in own]
                words += own
            commands.append([program, "-m", "support.visit_studio" if name == "studio" else "chromahint", *words])
        results = isolate(folder, commands)
        shutil.rmtree(server)
        return dict(zip(names, results, strict=True))

    return run


def isolate(folder, commands):
    """Run commands in a folder, without a network; returns the result of each."""
    plan = folder / "plan.json"
    entries = [{"words": words, "folder": str(folder)} for words in commands]
    plan.write_text(json.dumps({"resolv": str(folder / "resolv.conf"), "commands": entries}))
    done = subprocess.run(
        [UNSHARE, "-rnm", sys.executable, no_network.__file__, str(plan)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_all_commands_are_listed():
    names = {command.__name__.rpartition(".")[2].replace("_", "-") for command in COMMANDS}
    assert set(DEFAULT_USE) - {"multirun"} == names


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DEFAULT_USE if name not in NIGHTLY])
def test_command_looks_nothing_up(ended, name):
    check(ended(tuple(name for name in DEFAULT_USE if name not in NIGHTLY))[name], name)


@pytest.mark.nightly
@pytest.mark.parametrize("name", NIGHTLY)
def test_slow_command_looks_nothing_up(ended, name):
    check(ended(NIGHTLY)[name], name)


def check(result, name):
    assert result["status"] == (2 if name == "resume" else 0), result["output"]  # the run is finished already
    assert result["lookups"] == []


def test_lookups_are_noticed(tmp_path):
    [result] = isolate(tmp_path, [[sys.executable, "-c", "import socket; socket.getaddrinfo('example.org', 80)"]])
    assert result["status"] == 1
    assert set(result["lookups"]) == {"example.org"}
