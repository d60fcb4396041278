"""`make train a=b` is `chromahint train a=b`, whatever stands in a and b; what make would swallow is refused."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or not (ROOT / "Makefile").is_file(), reason="needs make and the Makefile"
)

TOOL = """#!{python}
import sys
with open({record!r}, "a", encoding="utf-8", errors="surrogateescape") as file:
    file.write("\\0".join([{name!r}, *sys.argv[1:]]) + "\\0\\n")
sys.exit({status})
"""


@dataclass
class Made:
    """Exit status, what make said, and each call of a tool with its arguments."""

    status: int
    said: str
    calls: list


@pytest.fixture
def make(tmp_path):
    """`make("train", "a=b")` runs the Makefile with an environment whose tools only note what they are given."""
    record, venv = tmp_path / "calls", tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)

    def run(*words, status=0, ready=True, **environment):
        for name in ("chromahint", "python", "ruff", "mypy"):
            tool = venv / "bin" / name
            tool.write_text(TOOL.format(python=sys.executable, record=str(record), name=name, status=status))
            tool.chmod(0o755)
        if ready:
            (venv / ".ready").touch()
            later = max((ROOT / name).stat().st_mtime for name in ("pyproject.toml", "constraints.txt")) + 100
            os.utime(venv / ".ready", (later, later))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(
            ["make", f"VENV={venv}", *words],
            cwd=ROOT,
            env=kept | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        calls = []
        if record.exists():
            for line in record.read_text(encoding="utf-8", errors="surrogateescape").split("\0\n")[:-1]:
                calls.append(line.split("\0"))
            record.unlink()
        return Made(done.returncode, done.stdout + done.stderr, calls)

    return run


WORDS = [
    ["model=unet"],
    ["model=unet", "data.root=/photos", "seed=3", "trainer.max_minutes=3"],
    ["z=1", "a=2", "m=3", "b=4"],
    ["name=two words"],
    ["name=two  spaces", "data.root=/my photos/of  ours"],
    ["name='  lead and trail  '"],
    ["hints.probabilities=[0.01, 0.03]"],
    ["name=(a) {b} <c> [d]"],
    ["data={root: /x, size: 3}"],
    ["name='quoted'"],
    ["name=it's"],
    ['name="double"'],
    ["name='\"'\"'"],
    ["name=`date`"],
    ["name=$(date)"],
    ["data.seed=${seed}"],
    ["name=$x"],
    ["name=$$"],
    ["name=a$"],
    ["name=${oc.env:HOME}"],
    ["name=back\\slash"],
    ["name=two\\\\slashes"],
    ["name=end\\"],
    ["name=C:\\new folder\\x"],
    ["name=*"],
    ["name=/*", "data.root=/usr/b?n"],
    ["name=~"],
    ["+a=b"],
    ["++a.b=1"],
    ["~a.b=null"],
    ["+a=b", "~c=d", "++e=f"],
    ["name=#1"],
    ["name=a # b"],
    ["name="],
    ["name=a=b=c"],
    ["name=50%"],
    ["name=a;b", "x=a&b", "y=a|b", "v=>c"],
    ["name=!x"],
    ["name=ä€"],
    ["callbacks/x=y", "a@b=c"],
    ["model=unet,resunet", "seed=0,1"],
    ["data.root=-m"],
    ["name=PYTHON=3"],
    ["train=1"],
]


@pytest.mark.parametrize("words", WORDS, ids=repr)
def test_words_arrive_as_they_were_typed(make, words):
    made = make("train", *words)
    assert made.status == 0, made.said
    assert made.calls == [["chromahint", "train", *words]]


@pytest.mark.parametrize(
    ("task", "arguments"), [("train", ["train"]), ("multirun", ["train", "-m"]), ("evaluate", ["evaluate"])]
)
def test_tasks_that_hand_words_on(make, task, arguments):
    assert make(task, "model=unet", "name=a b").calls == [["chromahint", *arguments, "model=unet", "name=a b"]]
    assert make("model=unet", task).calls == [["chromahint", *arguments, "model=unet"]]
    assert make(task).calls == [["chromahint", *arguments]]


@pytest.mark.parametrize("task", ["report", "best"])
def test_runs_to_compare_are_folders(make, task):
    assert make(task).calls == [["chromahint", task, "runs"]]
    made = make(task, "RUNS=runs/a runs/b", "ARGS=--at 10")
    assert made.calls == [["chromahint", task, "runs/a", "runs/b", "--hints", "10"]]


def test_photos_to_color(make):
    assert make("colorize", "PHOTO=a.jpg").calls == [["chromahint", "colorize", "a.jpg", "-o", "colored"]]
    made = make("colorize", "PHOTO=a.jpg b", "OUT=c", "ARGS=--hints 'my hints.json'")
    assert made.calls == [["chromahint", "colorize", "a.jpg", "b", "-o", "c", "--hints", "my hints.json"]]


def test_a_name_comes_first(make):
    for task in ("experiment", "sweep"):
        made = make(task, "NAME=spreadnet", "trials=3", "model.width=8")
        assert made.calls == [["chromahint", task, "spreadnet", "trials=3", "model.width=8"]]


def test_of_two_values_for_one_key_the_last_counts(make):
    call = make("train", "seed=0", "model=unet", "seed=1").calls[0]
    assert sorted(call[2:]) == ["model=unet", "seed=1"]


def test_what_is_for_make_is_not_handed_on(make):
    made = make("PYTHON=python3", "train", "model=unet", "ARGS='name=c  d' x=1")
    assert made.calls == [["chromahint", "train", "model=unet", "name=c  d", "x=1"]]


def test_variables_of_the_environment_do_not_interfere(make):
    made = make("train", "seed=1", WORDS="evil=1", ARGS="evil=2", TYPED="evil=3", QUOTE="evil", seed="7")
    assert made.calls == [["chromahint", "train", "seed=1"]]


@pytest.mark.parametrize("status", [1, 2])
def test_a_task_that_fails_fails(make, status):
    assert make("train", "model=unet", status=status).status == 2


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["trian"], ["trian", "no such task", "train"]),
        (["train", "unet"], ["unet", "key=value"]),
        (["train", "evaluate", "model=unet"], ["one task"]),
        (["test", "model=unet"], ["test takes no options", "ARGS"]),
        (["models", "model=unet"], ["models takes no options"]),
        (["clean", "a=b"], ["clean takes no options"]),
        (["model=unet"], ["one task"]),
        (["train", "-m", "model=unet,resunet"], ["-m", "make multirun"]),
        (["-m", "train", "model=unet,resunet"], ["-m", "make multirun"]),
        (["train", "--multirun", "model=unet,resunet"], []),
        (["train", "-b"], ["-b"]),
        (["train", "-i"], ["-i"]),
        (["train", "-t"], ["-t"]),
        (["train", "-it"], ["-i"]),
        (["train", "--ignore-errors"], ["-i"]),
        (["train", "--model=unet"], []),
        (["train", "-x"], []),
    ],
    ids=repr,
)
def test_what_would_be_misunderstood_is_refused(make, words, parts):
    made = make(*words)
    assert made.status != 0
    assert made.calls == []
    for part in parts:
        assert part in made.said


def test_alone_it_lists_every_task(make):
    made = make()
    assert made.status == 0
    assert made.calls == []
    tasks = (ROOT / "Makefile").read_text().split("TASKS := ")[1].splitlines()[0].split()
    assert {"train", "test", "lint", "setup"} <= set(tasks)
    listed = [line.split()[1] for line in made.said.splitlines() if line.startswith("  make ")]
    assert sorted(listed) == sorted(tasks)


def test_help_alone_needs_no_environment(make):
    made = make("help", ready=False)
    assert made.status == 0
    assert "make train" in made.said


def test_a_dry_run_runs_nothing(make):
    made = make("-n", "train", "model=unet")
    assert made.calls == []
    assert made.status == 0


def test_an_old_python_is_refused_with_what_to_type(make, tmp_path):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    made = make("train", f"PYTHON={old}", "model=unet", ready=False)
    assert made.status != 0
    assert "Python 3.11 or later" in made.said
    assert made.calls == []


def test_a_second_make_leaves_the_environment_to_the_first(make, tmp_path):
    lock = tmp_path / "venv.lock"
    lock.mkdir()
    made = make("train", "model=unet", ready=False)
    assert made.status != 0
    assert f"rmdir {lock}" in made.said
    assert made.calls == []
    lock.rmdir()
    assert make("train", "PYTHON=true", "model=unet", ready=False).status == 0
    assert not lock.exists()


def test_the_tests_follow_the_lint_and_take_arguments(make):
    calls = make("test", "ARGS=-k color").calls
    assert [call[0] for call in calls] == ["ruff", "ruff", "mypy", "python"]
    assert calls[-1][1:] == ["-m", "pytest", "-n", "2", "-k", "color"]
