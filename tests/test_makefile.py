"""`make train a=b` runs `chromahint train a=b`, whatever a and b contain."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.outside_make import outside_make

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
class MakeResult:
    """Exit status and output of make, and each call of a tool with its arguments."""

    status: int
    output: str
    calls: list


@pytest.fixture
def make(tmp_path):
    """`make("train", "a=b")` runs the Makefile with an environment whose tools only record their arguments."""
    record, venv = tmp_path / "calls", tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)

    def run(*words, status=0, ready=True, **environment):
        for name in ("chromahint", "python", "ruff", "mypy", "mkdocs", "npm"):
            tool = venv / "bin" / name
            tool.write_text(TOOL.format(python=sys.executable, record=str(record), name=name, status=status))
            tool.chmod(0o755)
        if ready:
            (venv / ".ready").touch()
            later = max((ROOT / name).stat().st_mtime for name in ("pyproject.toml", "constraints.txt")) + 100
            os.utime(venv / ".ready", (later, later))
        done = subprocess.run(
            ["make", f"VENV={venv}", *words],
            cwd=ROOT,
            env=outside_make() | {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}"} | environment,
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
        return MakeResult(done.returncode, done.stdout + done.stderr, calls)

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
def test_words_arrive_as_typed(make, words):
    result = make("train", *words)
    assert result.status == 0, result.output
    assert result.calls == [["chromahint", "train", *words]]


@pytest.mark.parametrize(
    ("task", "arguments"), [("train", ["train"]), ("multirun", ["train", "-m"]), ("evaluate", ["evaluate"])]
)
def test_tasks_that_forward_words(make, task, arguments):
    assert make(task, "model=unet", "name=a b").calls == [["chromahint", *arguments, "model=unet", "name=a b"]]
    assert make("model=unet", task).calls == [["chromahint", *arguments, "model=unet"]]
    assert make(task).calls == [["chromahint", *arguments]]


@pytest.mark.parametrize("task", ["report", "best"])
def test_runs_to_compare(make, task):
    assert make(task).calls == [["chromahint", task, "runs"]]
    result = make(task, "RUNS=runs/a runs/b", "ARGS=--hints 10")
    assert result.calls == [["chromahint", task, "runs/a", "runs/b", "--hints", "10"]]


def test_photos_to_color(make):
    assert make("colorize", "PHOTO=a.jpg").calls == [["chromahint", "colorize", "a.jpg", "-o", "colored"]]
    result = make("colorize", "PHOTO=a.jpg b", "OUT=c", "ARGS=--hints 'my hints.json'")
    assert result.calls == [["chromahint", "colorize", "a.jpg", "b", "-o", "c", "--hints", "my hints.json"]]


def test_name_comes_first(make):
    for task in ("experiment", "sweep"):
        result = make(task, "NAME=spreadnet", "trials=3", "model.width=8")
        assert result.calls == [["chromahint", task, "spreadnet", "trials=3", "model.width=8"]]


def test_last_of_two_values_for_one_key_counts(make):
    call = make("train", "seed=0", "model=unet", "seed=1").calls[0]
    assert sorted(call[2:]) == ["model=unet", "seed=1"]


def test_own_variables_are_not_forwarded(make):
    result = make("PYTHON=python3", "train", "model=unet", "ARGS='name=c  d' x=1")
    assert result.calls == [["chromahint", "train", "model=unet", "name=c  d", "x=1"]]


def test_environment_variables_do_not_interfere(make):
    result = make("train", "seed=1", WORDS="evil=1", ARGS="evil=2", TYPED="evil=3", SPACE="evil", seed="7")
    assert result.calls == [["chromahint", "train", "seed=1"]]


@pytest.mark.parametrize("status", [1, 2])
def test_exit_status_of_a_failed_task(make, status):
    assert make("train", "model=unet", status=status).status == 2


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["trian"], ["trian: unknown task", "train"]),
        (["train", "unet"], ["unet", "key=value"]),
        (["train", "evaluate", "model=unet"], ["one task"]),
        (["test", "model=unet"], ["test takes no options", "ARGS"]),
        (["models", "model=unet"], ["models takes no options"]),
        (["clean", "a=b"], ["clean takes no options"]),
        (["model=unet"], ["one task"]),
        (["train", "--multirun", "model=unet,resunet"], []),
        (["train", "-i"], ["-i"]),
        (["train", "-t"], ["-t"]),
        (["train", "-it"], ["-i"]),
        (["train", "--ignore-errors"], ["-i"]),
        (["train", "--model=unet"], []),
        (["train", "-x"], []),
    ],
    ids=repr,
)
def test_mistakes_are_reported_before_anything_runs(make, words, parts):
    result = make(*words)
    assert result.status != 0
    assert result.calls == []
    for part in parts:
        assert part in result.output


def test_help_lists_every_task(make):
    result = make()
    assert result.status == 0
    assert result.calls == []
    tasks = (ROOT / "Makefile").read_text().split("TASKS := ")[1].split("FORWARDING")[0].replace("\\", "").split()
    assert {"train", "test", "lint", "setup", "docs"} <= set(tasks)
    listed = [line.split()[1] for line in result.output.splitlines() if line.startswith("  make ")]
    assert sorted(listed) == sorted(tasks)


def test_help_needs_no_environment(make):
    result = make("help", ready=False)
    assert result.status == 0
    assert "make train" in result.output


def test_dry_run(make):
    result = make("-n", "train", "model=unet")
    assert result.calls == []
    assert result.status == 0


def test_python_that_is_too_old(make, tmp_path):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = make("train", f"PYTHON={old}", "model=unet", ready=False)
    assert result.status != 0
    assert "Python 3.11 or later" in result.output
    assert result.calls == []


def test_only_one_make_creates_the_environment(make, tmp_path):
    lock = tmp_path / "venv.lock"
    lock.mkdir()
    result = make("train", "model=unet", ready=False)
    assert result.status != 0
    assert f"rmdir {lock}" in result.output
    assert result.calls == []
    lock.rmdir()
    assert make("train", "PYTHON=true", "model=unet", ready=False).status == 0
    assert not lock.exists()


def test_tests_run_after_the_linters_and_take_arguments(make):
    calls = make("test", "ARGS=-k color").calls
    npm = [["npm", "run", "lint"]] if (ROOT / "node_modules").is_dir() else []
    assert [call[0] for call in calls if call[0] != "npm"] == ["ruff", "ruff", "mypy", "python"]
    assert [call for call in calls if call[0] == "npm"] == npm
    assert calls[-1][1:] == ["-m", "pytest", "-n", "2", "-k", "color"]


def test_docs_are_built_strictly(make):
    assert make("docs").calls == [["mkdocs", "build", "--strict"]]


@pytest.mark.parametrize("words", [["train", "-m", "model=unet,resunet"], ["-m", "train", "model=unet,resunet"]])
def test_flags_of_make_do_not_reach_the_command(make, words):
    """The command then points to `make multirun`, because the model has two values."""
    assert make(*words).calls == [["chromahint", "train", "model=unet,resunet"]]


def test_makefile_is_short_and_reads_nothing_of_other_processes():
    text = (ROOT / "Makefile").read_text()
    assert text.count("\n") < 90
    assert "/proc" not in text
