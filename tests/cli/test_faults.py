"""A full disk and SIGKILL at any change to files: a sentence, nothing half-written, and the same results afterwards."""

import csv
import hashlib
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from support import faults, fork_server

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or faults.COMPILER is None, reason="needs Linux and a C compiler"
)

HINTS = "protocol.hint_counts=[0,1,10]"
TWO_STEPS = ["trainer.max_minutes=null", "trainer.max_steps=2"]
COMMANDS = {
    "train": ["train", "TINY", "name=run"],
    "train on scenes": ["train", "SCENES", "name=run"],
    "train on two devices": ["train", "TINY", "trainer.devices=2", "data.batch_size=2", "name=run"],
    "multirun": ["train", "-m", "seed=0,1", "TINY"],
    "sweep": ["sweep", "hscaunet", "trials=1", "name=sweep", "TINY", "model=hscaunet", *TWO_STEPS],
    "evaluate": ["evaluate", "run=RUN", "data=folder", "data.root=PHOTOS", HINTS, "output=out"],
    "predict": ["evaluate", "model=pullpush", "data=hint_mask_pairs", "data.root=PAIRS", "output=out"],
    "colorize": ["colorize", "PHOTOS", "-o", "out", "--model", "pullpush"],
    "pack": ["data", "pack", "PHOTOS", "-o", "pack"],
    "pack into shards": ["data", "pack", "PHOTOS", "--format", "litdata", "-o", "pack"],
    "manifest": ["data", "manifest", "PHOTOS", "-o", "m.json", "--license", "CC0", "--source", "drawn"],
    "export": ["export", "RUN", "--format", "safetensors", "-o", "exported"],
    "report": ["report", "RUN", "-o", "report.html"],
    "init": ["init", "project"],
}
QUICK = ["train", "evaluate", "colorize", "pack", "pack into shards", "export"]
"""Commands that the fast tests try, too."""
MAX_CHANGES = 200
"""The slow tests try every change of a command, or so many."""
PARTS = 8
"""Tests that share these changes, because those of a training take an hour."""


@pytest.fixture(scope="module")
def injector(tmp_path_factory):
    folder = Path(tempfile.mkdtemp(prefix="chromahint-faults-"))
    yield faults.FaultInjector(faults.build(folder), fork_server.install(folder))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def start(injector, tiny, here, photos, make_photos, tmp_path_factory):
    """`start(folder, name, **harm)` runs the command of that name in a folder."""
    pairs = tmp_path_factory.mktemp("pairs")
    for part in ("hint", "mask"):
        make_photos(pairs / part, 4)
    scenes = ["data=scenes", "data.num_train=16", *(word for word in tiny if not word.startswith("data"))]
    trained = here(tmp_path_factory.mktemp("trained"), "train", *tiny)
    assert trained.status == 0, trained.err
    places = {"RUN": str(trained.run), "PHOTOS": str(photos), "PAIRS": str(pairs)}

    def run(folder, name, words=None, **harm):
        expanded = []
        for word in words or COMMANDS[name]:
            for place, path in places.items():
                word = word.replace(place, path)
            expanded += {"TINY": tiny, "SCENES": scenes}.get(word, [word])
        folder.mkdir(exist_ok=True)
        return injector.run(folder, *expanded, CHROMAHINT_CACHE=str(folder / "cache"), **harm)

    return run


@pytest.fixture(scope="module")
def unharmed(start, tmp_path_factory):
    """`unharmed(name)` returns the number of changes to files of a command, and its results."""
    known = {}

    def result(name):
        if name not in known:
            folder = tmp_path_factory.mktemp("unharmed")
            ended = start(folder, name)
            assert ended.status == 0, ended.output
            known[name] = ended.changes, results(folder)
        return known[name]

    return result


def results(folder):
    """What a command has written: a digest by file, without clock times, and without what names the folder."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or "/wandb/" in name or file.name.endswith((".lock", "output.txt")):
            continue
        kind = "/".join(part for part in name.split("/") if not part.startswith("20"))  # run folders are named by time
        if file.name == "best.ckpt":
            weights = torch.load(file, weights_only=True)["state_dict"]
            content = b"".join(key.encode() + value.numpy().tobytes() for key, value in weights.items())
        elif file.name == "images.csv" and "seconds" in file.read_text():
            rows = csv.DictReader(file.read_text().splitlines())
            content = repr([{key: cell for key, cell in row.items() if key != "seconds"} for row in rows]).encode()
        elif file.name in ("last.ckpt", "run.json", "config.yaml", "timings.csv", "training.png", "evaluation.json"):
            content = b""  # of the time, or of the folder
        elif file.suffix in (".html", ".db", ".log") or file.name == "trial.json":
            content = b""
        else:
            content = file.read_bytes()
        found[kind] = hashlib.blake2b(content).hexdigest()
    return found


def differences(folder, name, expected):
    """Files that are not as they should be. A sweep that was killed while it drew values may draw others."""
    found = results(folder)
    if name == "sweep":
        return {Path(file).name for file in found} ^ {Path(file).name for file in expected}
    return {file for file, _ in found.items() ^ expected.items()}


def temporary_files(folder):
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return [name for name in names if Path(name).name.startswith(".") and not name.endswith((".lock", ".gitignore"))]


def start_again(start, folder, name):
    """What a user types after a failure: resume the run if there is one, otherwise the same command."""
    pattern = "runs/run/*" if "train" in name else "runs/multirun/*"
    runs = [path for path in folder.glob(pattern) if list(path.rglob("run.json"))]
    if len(list(folder.glob("runs/**/*overrides.yaml*"))) > len(list(folder.rglob("run.json"))):
        shutil.rmtree(folder / "runs")  # killed before all of its folders were complete
        runs = []
    if name == "init":
        shutil.rmtree(folder / "project", ignore_errors=True)
    if not runs or name == "sweep":
        return start(folder, name)
    states = [json.loads(file.read_text())["state"] for file in runs[0].rglob("run.json")]
    if all(state == "finished" for state in states):
        return start(folder, name, ["status", str(runs[0])])
    return start(folder, name, ["resume", str(runs[0])])


def spread(name, changes, count):
    """Distribute `count` changes over those of a command, reproducibly but differently for each command."""
    first = hashlib.blake2b(name.encode()).digest()[0] % (changes // count)
    return [1 + first + step * changes // count for step in range(count)]


def check_full_disk(start, folder, name, at, action="full"):
    ended = start(folder, name, at=at, action=action)
    where = f"{name} at change {at}: {ended.output}"
    assert "Traceback" not in ended.output, where
    assert not temporary_files(folder), where
    if ended.status == 0:
        return  # it was not needed, or there was another way
    assert "(No space left on device)" in ended.output, where


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_full_disk(start, unharmed, tmp_path, name):
    changes, expected = unharmed(name)
    for at in spread(name, changes, 2):
        folder = tmp_path / str(at)
        check_full_disk(start, folder, name, at)
        again = start_again(start, folder, name)
        assert again.status == 0, again.output
        assert not differences(folder, name, expected), f"{name} at change {at}"


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("action", ["full", "fail"])
@pytest.mark.parametrize("name", COMMANDS)
def test_full_disk_at_all_changes(start, unharmed, tmp_path, name, action, part):
    changes, expected = unharmed(name)
    points = spread(name, changes, min(changes, MAX_CHANGES))[part::PARTS]
    print(f"{name}: a full disk at {len(points)} of {changes} changes")
    for at in points:
        folder = tmp_path / str(at)
        check_full_disk(start, folder, name, at, action)
        again = start_again(start, folder, name)
        assert again.status == 0, again.output
        assert not differences(folder, name, expected), f"{name} at change {at}"
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_killed(start, unharmed, tmp_path, name):
    kill_and_repeat(start, unharmed, tmp_path, name, 1)


@pytest.mark.nightly
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_many_changes(start, unharmed, tmp_path, name):
    kill_and_repeat(start, unharmed, tmp_path, name, 20)


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("name", ["train", "train on two devices"])
def test_signals_at_many_changes(start, unharmed, tmp_path, name, number):
    kill_and_repeat(start, unharmed, tmp_path, name, 20, number)


def kill_and_repeat(start, unharmed, tmp_path, name, count, number=signal.SIGKILL):
    changes, expected = unharmed(name)
    print(f"{name}: {number.name} at {min(changes, count)} of {changes} changes")
    for at in spread(name, changes, min(changes, count)):
        folder = tmp_path / str(at)
        ended = start(folder, name, at=at, action=int(number))
        # a training that has ended already does not stop for another signal
        assert ended.status != 0 or number != signal.SIGKILL, f"{name} at change {at}: {ended.output}"
        if name == "sweep" and any("SIGKILL" in file.read_text() for file in folder.rglob("run.json")):
            continue  # not the sweep was killed, but the training of a trial, which has failed then
        again = start_again(start, folder, name)
        assert again.status == 0, f"{name} at change {at}: {again.output}"
        assert not differences(folder, name, expected), f"{name} at change {at}"
        assert not temporary_files(folder)
        shutil.rmtree(folder)
