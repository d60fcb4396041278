"""What people install: a wheel that brings its configs and experiments, and works from any folder."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def run(*words, **options):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


BOX = {file.name for file in (ROOT / "src/chromahint/models/pretrained").iterdir()}


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A fresh environment with the wheel in it, which borrows what it depends on from this one."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    [site] = folder.glob("lib/python*/site-packages") if os.name != "nt" else [folder / "Lib/site-packages"]
    (site / "borrowed.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}) + "\n")
    [wheel] = built.glob("*.whl")
    run(
        sys.executable, "-m", "pip", "--python", folder, "install", "--no-deps", "--no-index", "--ignore-installed",
        "--disable-pip-version-check", "--no-compile", wheel,
    )  # fmt: skip
    return folder / ("Scripts" if os.name == "nt" else "bin")


def names_in_wheel(folder):
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_configs_and_experiments_travel_in_the_wheel(built):
    names = names_in_wheel(built)
    for folder in ("conf", "experiments"):
        wanted = {f"chromahint/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*.yaml")}
        assert wanted
        assert wanted <= names
    wanted = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    assert wanted <= names
    assert "chromahint/py.typed" in names
    weights = ("spreadnet", "spreadnet_scenes")
    assert {f"{name}.{kind}" for name in weights for kind in ("safetensors", "json", "md")} == BOX
    assert {f"chromahint/models/pretrained/{name}" for name in BOX} <= names
    assert not [name for name in names if name.startswith(("tests/", "conf/", "experiments/")) or "__pycache__" in name]


def test_the_license_travels_in_the_wheel(built):
    assert [name for name in names_in_wheel(built) if name.endswith("dist-info/licenses/LICENSE")]


def test_the_source_archive_has_what_a_reader_needs(built):
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    for name in (
        "README.md",
        "LICENSE",
        "Makefile",
        "constraints.txt",
        "pyproject.toml",
        "conf/train.yaml",
        "tests/conftest.py",
        *(f"src/chromahint/models/pretrained/{name}" for name in BOX),
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("runs/", ".venv", "wandb/")) or "__pycache__" in name]


def test_a_wheel_from_the_clone_is_the_same(built, tmp_path):
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT)
    assert names_in_wheel(tmp_path) == names_in_wheel(built)


def test_the_installed_command_is_the_installed_package(installed, tmp_path):
    place = run(installed / "python", "-c", "import chromahint; print(chromahint.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)


def test_the_installed_command_trains(installed, photos, tmp_path):
    said = run(
        installed / "chromahint", "train", "debug=smoke", "logger=none", "data=folder", f"data.root={photos}",
        "experiment=hscaunet_2022", "model.width=4", "protocol.hint_counts=[0,1]", cwd=tmp_path,
    )  # fmt: skip
    assert "pull-push" in said
    [run_folder] = (tmp_path / "runs/hscaunet_2022").iterdir()
    assert (run_folder / "evaluation/random_pixels/metrics.json").is_file()


def test_the_installed_command_brings_its_weights(installed, photos, tmp_path):
    said = run(
        installed / "chromahint", "evaluate", "data=folder", f"data.root={photos}", "data.max_images=1",
        "protocol.size=64", "protocol.hint_counts=[0,1]", cwd=tmp_path,
    )  # fmt: skip
    assert "spreadnet: pretrained on" in said
    assert (tmp_path / "evaluation/spreadnet/random_pixels/metrics.json").is_file()


def test_the_installed_command_lists_models(installed, tmp_path):
    said = run(installed / "chromahint", "models", cwd=tmp_path)
    for name in ("hscaunet", "pullpush", "zhang2017"):
        assert name in said
