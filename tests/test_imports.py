"""Imports run one way: which room may import which, read from the source text."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "chromahint"
FILES = sorted(SOURCE.rglob("*.py"))

# a room imports those on later lines; rooms on one line don't import each other
ORDER = [
    ["cli"],
    ["benchmark"],
    ["studio", "report"],
    ["sweeps"],
    ["launch"],
    ["training"],
    ["evaluation"],
    ["export"],
    ["inference", "visualization"],
    ["runs", "data", "models"],
    ["images", "hints", "wandb_api"],
    ["color", "progress", "console", "atomic_write", "cache_folder", "parent_process", "ranges"],
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}

# `config` is for those who turn overrides into runs; everything else is built from plain arguments
CONFIG_ROOMS = {
    "benchmark": "composes and checks the protocols that a benchmark lists",
    "cli": "commands take overrides and list the choices of each group",
    "launch": "composes, checks and writes the config of every run that it starts",
    "sweeps": "each trial is a run whose overrides the search space chooses",
}
CONFIG_FILES = {
    "training/train.py": "the process of a run builds its parts from RUN/config.yaml",
    "training/final_evaluation.py": "builds the network and protocol of the run once more, for its best checkpoint",
    "training/errors.py": "names the parameters that the network of the config does not use",
    "evaluation/compose.py": "composes and checks the config of an evaluation, for the command and for launchers",
    "evaluation/runner.py": "builds the network, data and protocol that the config of an evaluation names",
    "evaluation/resolve_weights.py": "finds the config that a weights file belongs to",
    "inference/trust.py": "tells which classes the config of a stranger may name",
    "inference/load.py": "a run folder describes its network by a config node",
    "report/rebuild_networks.py": "the gallery colors images with the networks that the runs' configs name",
    "report/compose_dashboard.py": "a dashboard groups runs by the options of their config",
}
# opened by name, so that `chromahint.Colorizer` doesn't slow down `import chromahint`
LAZY = {"__init__.py", "__main__.py"}
# names that a package offers, imported when they are used
PUBLIC = {
    "evaluation/__init__.py": {"typing.TYPE_CHECKING", "chromahint.evaluation.colorizer.evaluate_colorizer"},
}


def imports(file):
    """Full names of everything that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def path(file):
    return file.relative_to(SOURCE).as_posix()


def room(file):
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(file):
    return {name.split(".")[1] for name in imports(file) if name.startswith("chromahint.")} - {"__version__"}


def imported_files(file):
    """The files of this package that a file imports."""
    for name in imports(file):
        parts = name.split(".")
        while parts and parts[0] == "chromahint":
            module = SOURCE.joinpath(*parts[1:])
            found = [each for each in (module.with_suffix(".py"), module / "__init__.py") if each.is_file()]
            if found and path(found[0]) not in LAZY:
                yield found[0]
                break
            parts.pop()


def test_every_room_has_a_place_in_the_order():
    assert {room(file) for file in FILES if path(file) not in LAZY} == {*RANK, "config"}


@pytest.mark.parametrize("file", FILES, ids=path)
def test_a_file_imports_only_rooms_below_its_own(file):
    own = room(file)
    if path(file) in LAZY:
        return
    if own == "config":
        assert imported_rooms(file) <= {"config", "ranges"}
        return
    wrong = {other for other in imported_rooms(file) - {own, "config"} if RANK[own] >= RANK[other]}
    assert not wrong, f"{own} must not import {', '.join(sorted(wrong))}"


def test_no_files_import_each_other():
    graph = {path(file): {path(each) for each in imported_files(file)} - {path(file)} for file in FILES}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"cycle: {' <- '.join(error.args[1])}")


def test_callbacks_and_loggers_do_not_import_the_job():
    for folder in ("callbacks", "loggers"):
        for file in (SOURCE / "training" / folder).rglob("*.py"):
            known = {path(each) for each in imported_files(file)}
            assert not known & {"training/train.py", "training/trainer.py", "training/final_evaluation.py"}, file
    for file in (SOURCE / "training" / "loggers").rglob("*.py"):
        assert not any(path(each).startswith("training/callbacks/") for each in imported_files(file)), file


def test_config_is_imported_where_a_sentence_says_why():
    users = {path(file) for file in FILES if "config" in imported_rooms(file) and room(file) != "config"}
    assert {user for user in users if user.partition("/")[0] not in CONFIG_ROOMS} == set(CONFIG_FILES)


def test_networks_import_no_framework():
    frameworks = ("lightning", "hydra", "omegaconf", "wandb", "pytorch_lightning")
    for file in (SOURCE / "models").rglob("*.py"):
        wrong = [name for name in imports(file) if name.split(".")[0] in frameworks]
        assert not wrong, f"{file}: {wrong}"


def test_one_file_calls_instantiate_of_hydra():
    users = [file for file in FILES if any(name.startswith("hydra.utils") for name in imports(file))]
    assert users == [SOURCE / "config" / "instantiate.py"]


def test_package_docstrings_import_nothing():
    for file in SOURCE.rglob("__init__.py"):
        if file.parent != SOURCE:
            assert set(imports(file)) <= PUBLIC.get(path(file), set()), file


def test_file_names_are_specific():
    vague = {"utils", "helpers", "misc", "common", "util", "helper"}
    assert not [path for path in SOURCE.rglob("*") if path.stem in vague]


def modules_after(code):
    """Names of the top-level modules that each line `modules` of a fresh Python's output lists."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return [
        {name.split(".")[0] for name in line.split()[1:]} for line in done.stdout.splitlines() if line[:8] == "modules "
    ]


HEAVY = {"torch", "lightning", "wandb", "kornia", "torchmetrics"}
SHOW = "import contextlib, sys\nfrom chromahint.cli.main import COMMANDS, main\n"


def test_help_imports_nothing_heavy():
    """One process for all commands: each adds its imports to those of the commands before it."""
    code = f"""{SHOW}
names = [command.__name__.rpartition(".")[2] for command in COMMANDS]
for words in [["--help"], ["--version"], ["nonsense"], *([name, "--help"] for name in names)]:
    with contextlib.suppress(SystemExit):
        main(words)
    print("modules", *sys.modules)
"""
    shown = modules_after(code)
    assert len(shown) > 15
    for modules in shown:
        assert not modules & (HEAVY | {"hydra", "omegaconf", "numpy", "rich"})


def test_checking_a_config_imports_nothing_heavy():
    code = (
        "import sys\nfrom chromahint.config.compose import compose\nfrom chromahint.config.validate import validate\n"
        "for name in ('train', 'evaluate'): validate(compose(name, ['model=zhang2017']).config, name)\n"
        "print('modules', *sys.modules)"
    )
    assert not modules_after(code)[0] & HEAVY


@pytest.mark.parametrize("override", ["model.widht=4", "model.width=1000000000", "data.num_workers=1000000"])
def test_an_invalid_config_imports_nothing_heavy(override):
    code = f"{SHOW}assert main(['train', {override!r}]) == 2\nprint('modules', *sys.modules)"
    assert not modules_after(code)[0] & HEAVY
