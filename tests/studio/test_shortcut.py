"""`chromahint studio --install-shortcut`: what it writes starts the studio."""

import configparser
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from chromahint.studio import shortcut


def words_of(value):
    """The arguments of the command in a desktop entry, as launchers read them: escapes, quotes, field codes."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value.replace("\\\\", "\\"))
    plain = [re.sub(r"\\(.)", r"\1", quoted) or bare for quoted, bare in words]
    return [word.replace("%%", "%") for word in plain if word != "%f"]


def test_desktop_entry_starts_this_program(command, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(sys, "platform", "linux")
    done = command("studio", "--install-shortcut")
    assert done.status == 0, done.err
    file = tmp_path / "share/applications/chromahint-studio.desktop"
    assert done.out.strip().replace("\n", "") == f"shortcut: {file}"
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    parser.read(file)
    entry = parser["Desktop Entry"]
    assert (entry["Type"], entry["Name"]) == ("Application", "Chromahint Studio")
    words = words_of(entry["Exec"])
    assert words[1:] == ["-m", "chromahint", "studio"]
    assert "usage: chromahint studio" in subprocess.run([*words, "--help"], capture_output=True, text=True).stdout
    assert ET.parse(entry["Icon"]).getroot().tag.endswith("svg")
    assert command("studio", "--install-shortcut").status == 0


def test_unusual_paths_are_quoted(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    unusual = '/home/anna b/50% "off"/$HOME/`x`/\\py'
    monkeypatch.setattr(sys, "executable", unusual)
    line = next(line for line in shortcut.install_shortcut().read_text().splitlines() if line.startswith("Exec="))
    assert words_of(line.removeprefix("Exec="))[0] == unusual


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("darwin", "Applications/Chromahint Studio.command"),
        ("win32", "Microsoft/Windows/Start Menu/Programs/Chromahint Studio.bat"),
    ],
)
def test_other_systems_get_a_script(tmp_path, monkeypatch, platform, name):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    file = shortcut.install_shortcut()
    assert file == tmp_path / name
    assert f"{sys.executable}" in file.read_text()
    if platform == "darwin":
        assert subprocess.run(["sh", "-n", file]).returncode == 0
        assert file.stat().st_mode & 0o111
