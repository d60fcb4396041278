"""`chromahint doctor` shows what is installed, and what is missing."""

import importlib.metadata
import tomllib
from pathlib import Path

import torch

from chromahint.cli import doctor
from chromahint.wandb_api import server as wandb_server


def test_output(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/scene").write_bytes(b"x" * 2_500_000)
    out = command("doctor").out
    assert f"torch {torch.__version__}" in out
    assert "CPU: " in out
    assert f"{tmp_path / 'cache'}: 1 files, 2.5 MB" in out
    assert "runs: does not exist yet" in out
    assert "no API key" in out


def test_wandb_key_and_mode(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr(wandb_server, "server_problem", lambda: None)
    assert doctor.describe_wandb() == "API key found: runs are uploaded"
    monkeypatch.setattr(wandb_server, "server_problem", lambda: "it sleeps")
    assert doctor.describe_wandb() == "API key found: runs are logged offline, because it sleeps"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert doctor.describe_wandb() == "WANDB_MODE=offline"


def test_missing_packages_of_an_extra(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "ruff":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.0.1" if name == "pytest" else real(name)

    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = pyproject["project"]["optional-dependencies"]
    # torchvision, which lpips needs, and trackio are not part of the development environment
    others = ("lpips", "trackio")
    included = sorted(f"{name}: complete" for name in extras if name not in others)
    assert sorted(line for line in doctor.describe_extras() if not line.startswith(others)) == included
    monkeypatch.setattr(importlib.metadata, "version", version)
    [line] = [line for line in doctor.describe_extras() if "complete" not in line and not line.startswith(others)]
    assert line.startswith("dev: missing ")
    assert "ruff" in line
    assert "pytest" in line, "it is too old"
    assert "mypy" not in line
    assert line.endswith("pip install 'chromahint[dev]'")


def test_gpu(monkeypatch):
    class Properties:
        name, total_memory = "A GPU", 24 * 2**30

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Properties)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert doctor.describe_devices()[1:] == ["GPU 0: A GPU, 24 GiB, trains in bf16-mixed"]
