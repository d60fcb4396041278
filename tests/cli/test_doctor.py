"""The doctor tells what is there, and what is not."""

import importlib.metadata
import tomllib
from pathlib import Path

import torch

from chromahint.cli import doctor


def test_says_what_is_there(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/scene").write_bytes(b"x" * 2_500_000)
    said = command("doctor").out
    assert f"torch {torch.__version__}" in said
    assert "processor: " in said
    assert f"{tmp_path / 'cache'}: 1 files, 2.5 MB" in said
    assert "runs: not there yet" in said
    assert "no API key" in said


def test_a_key_and_a_mode_are_seen(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert "uploaded" in doctor.wandb_state()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert doctor.wandb_state() == "WANDB_MODE=offline"


def test_what_an_extra_lacks_and_how_to_get_it(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "ruff":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.0.1" if name == "pytest" else real(name)

    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(doctor.extras()) == sorted(
        f"{name}: complete" for name in pyproject["project"]["optional-dependencies"]
    )
    monkeypatch.setattr(importlib.metadata, "version", version)
    [said] = [line for line in doctor.extras() if "complete" not in line]
    assert said.startswith("dev: lacks ")
    assert "ruff" in said
    assert "pytest" in said, "it is too old"
    assert "mypy" not in said
    assert said.endswith("pip install 'chromahint[dev]'")


def test_a_gpu_is_described(monkeypatch):
    class About:
        name, total_memory = "A GPU", 24 * 2**30

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: About)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert doctor.devices()[1:] == ["GPU 0: A GPU, 24 GiB, trains in bf16-mixed"]
