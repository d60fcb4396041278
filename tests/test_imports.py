"""Which room may know which: design by import, read from the source text."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "chromahint"
FILES = sorted(SOURCE.rglob("*.py"))

# a room knows those further down; rooms of one line don't know each other
ORDER = [
    ["cli"],
    ["studio", "report"],
    ["sweeps"],
    ["training"],
    ["evaluation"],
    ["inference"],
    ["runs", "data", "models"],
    ["hints"],
    ["color", "writing"],
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
COMMANDS = {
    "cli.py",
    "sweeps/best.py",
    "sweeps/command.py",
    "sweeps/definition.py",
    "sweeps/space.py",
    "sweeps/wandb_command.py",
    "sweeps/wandb_file.py",
    "sweeps/worker.py",
    "training/launch.py",
    "training/multirun.py",
    "training/slurm.py",
    "training/job.py",
    "training/resume.py",
    "training/outcome.py",
    "training/plan.py",
    "training/plan_file.py",
    "training/reproduce.py",
    "training/side_by_side.py",
    "training/tune.py",
    "evaluation/command.py",
    "evaluation/perform.py",
    "evaluation/preview.py",
    "inference/export_command.py",
    "report/command.py",
    "inference/load.py",
    "evaluation/of_weights.py",
    "report/networks.py",
}


def imports(file):
    """Full names of everything that a file imports, at its top or anywhere inside."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(file):
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def rooms_known(file):
    return {name.split(".")[1] for name in imports(file) if name.startswith("chromahint.")}


def test_all_rooms_have_their_place():
    assert {room(file) for file in FILES} <= {*RANK, "config", "__init__", "__main__"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_file_knows_only_rooms_further_down(file):
    own = room(file)
    if own in ("__init__", "__main__"):
        return
    wrong = {
        other for other in rooms_known(file) - {own, "config", "__version__"} if not RANK.get(own, 99) < RANK[other]
    }
    assert not wrong, f"{own} must not know {', '.join(sorted(wrong))}"


def test_only_commands_know_the_config():
    users = {
        str(file.relative_to(SOURCE)) for file in FILES if "config" in rooms_known(file) and room(file) != "config"
    }
    assert users <= COMMANDS


def test_networks_know_no_framework():
    framework = ("lightning", "hydra", "omegaconf", "wandb", "pytorch_lightning")
    for file in (SOURCE / "models").rglob("*.py"):
        wrong = [name for name in imports(file) if name.split(".")[0] in framework]
        assert not wrong, f"{file}: {wrong}"


def test_one_file_instantiates():
    users = [file for file in FILES if any("instantiate" in name.split(".") for name in imports(file))]
    assert users == [SOURCE / "config" / "build.py"]


def test_room_docstrings_import_nothing():
    for file in SOURCE.rglob("__init__.py"):
        if file.parent != SOURCE:
            assert not list(imports(file)), file


def test_names_say_what_a_thing_is():
    vague = {"utils", "helpers", "misc", "common", "util", "helper"}
    assert not [path for path in SOURCE.rglob("*") if path.stem in vague]


def modules_after(code):
    """Names of the modules that a fresh Python has after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('modules', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {name.split(".")[0] for name in done.stdout.rpartition("modules")[2].split()}


@pytest.mark.parametrize(
    "words",
    [["--help"], ["train", "--help"], ["evaluate", "--help"], ["sweep", "--help"], ["--version"], ["nonsense"]],
)
def test_help_imports_nothing_heavy(words):
    heavy = {"torch", "lightning", "hydra", "omegaconf", "wandb", "kornia", "numpy", "rich"}
    assert not heavy & modules_after(f"from chromahint.cli.main import main\nmain({words})")


@pytest.mark.parametrize(
    "words",
    [
        ["report"],
        ["best"],
        ["dashboard"],
        ["sweep", "status"],
        ["sweep", "wandb"],
        ["data"],
        ["models"],
        ["hints"],
        ["studio"],
    ],
)
def test_help_of_ordinary_options_imports_no_network(words):
    code = "import contextlib\nfrom chromahint.cli.main import main\nwith contextlib.suppress(SystemExit): "
    assert not {"torch", "lightning", "wandb", "kornia"} & modules_after(f"{code}main({[*words, '--help']})")


def test_checking_a_config_imports_nothing_heavy():
    code = (
        "from chromahint.config.compose import compose\nfrom chromahint.config.validate import check\n"
        "for name in ('train', 'evaluate'): check(compose(name, ['model=zhang2017']).config, name)"
    )
    assert not {"torch", "lightning", "wandb", "kornia", "torchmetrics"} & modules_after(code)


def test_a_wrong_config_imports_nothing_heavy():
    code = "from chromahint.cli.main import main\nassert main(['train', 'model.widht=4']) == 2"
    assert not {"torch", "lightning", "wandb", "kornia", "torchmetrics"} & modules_after(code)
