"""`chromahint studio`: messages for mistakes, and how soon the page is available."""

import os
import subprocess
import sys
import urllib.request

import pytest

import chromahint.studio


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "70000"], "--port 70000: must be an integer from 0 to 65,535"),
        (["--model", "nowhere"], "--model nowhere: not found. Pass pretrained "),
        (["--runs-dir", "nowhere"], "--runs-dir nowhere: folder not found"),
        (["nowhere.jpg"], "nowhere.jpg: photo or folder not found"),
        (["--host", "example.org"], "--host example.org: "),
    ],
)
def test_mistakes_are_reported(command, words, message):
    result = command("studio", *words)
    assert result.status == 2
    assert result.err.startswith(f"Error: {message}")


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_missing_package(command, monkeypatch, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package or "chromahint.studio" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(chromahint, "studio", chromahint.studio)  # is imported anew
    monkeypatch.setitem(sys.modules, package, None)
    result = command("studio", "--no-browser")
    assert result.status == 2
    assert f"{package}: package not found, which the studio needs. Run pip install 'chromahint[studio]'." in result.err


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "chromahint", "studio", "--no-browser", *words],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_page_is_available_when_its_address_is_printed(tmp_path):
    with start(tmp_path) as server:
        address = server.stdout.readline().removeprefix("studio: ").strip()
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"<title>Studio" in answer.read()
        server.terminate()
        assert "Traceback" not in server.communicate(timeout=30)[0]
    assert not list(tmp_path.iterdir())


def test_two_studios_use_different_ports_and_a_used_port_is_reported(tmp_path):
    with start(tmp_path) as first, start(tmp_path) as second:
        ports = [server.stdout.readline().strip().rstrip("/").rpartition(":")[2] for server in (first, second)]
        assert len(set(ports)) == 2
        with start(tmp_path, "--port", ports[0]) as third:
            assert f"--port {ports[0]}: cannot listen on 127.0.0.1" in third.communicate(timeout=30)[0]
            assert third.returncode == 2
        for server in (first, second):
            server.terminate()
            server.communicate(timeout=30)
