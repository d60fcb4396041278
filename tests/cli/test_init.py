"""`chromahint init`: the project that it creates trains and passes its own tests."""

import subprocess
import sys

import pytest
import yaml


@pytest.fixture(scope="module")
def project(process, tmp_path_factory):
    parent = tmp_path_factory.mktemp("init")
    made = process(parent, "init", "My Study")
    assert made.status == 0, made.err
    assert "cd 'My Study' && make train" in made.out
    return parent / "My Study"


def test_the_network_trains(process, project):
    done = process(project, "train", "experiment=first", "debug=smoke", "logger=none")
    assert done.status == 0, done.err
    config = yaml.safe_load((done.run / "config.yaml").read_text())
    assert config["model"] == {"_target_": "networks.Mixer", "width": 32}


@pytest.mark.slow
def test_the_comparison_runs(process, project):
    done = process(project, "experiment", "comparison", "debug=smoke", "logger=none")
    assert done.status == 0, done.err
    assert {"mixer", "unet"} <= {folder.name for folder in project.glob("runs/comparison/*/*")}


@pytest.mark.slow
def test_its_tests_pass(project):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_files_are_complete_and_have_the_name_of_the_project(project):
    names = {file.relative_to(project).as_posix() for file in project.rglob("*") if file.is_file()}
    assert {"README.md", "Makefile", "pyproject.toml", ".gitignore", "networks.py", "tests/test_networks.py"} <= names
    assert 'name = "my-study"' in (project / "pyproject.toml").read_text()
    assert not [name for name in names if name.endswith(".txt")]
    assert "{{" not in "".join((project / name).read_text() for name in ("README.md", "pyproject.toml"))


def test_a_folder_with_files_is_left_alone(command, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/notes.txt").write_text("mine")
    failed = command("init", "taken")
    assert failed.status == 2
    assert "taken: already exists and is not empty" in failed.err
    assert [file.name for file in (tmp_path / "taken").iterdir()] == ["notes.txt"]
