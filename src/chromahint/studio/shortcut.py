"""Puts the studio among the programs of the computer, so that it starts without a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chromahint.atomic_write import atomic_write

_NAME = "Chromahint Studio"
_ICON = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
<rect x="4" y="10" width="56" height="44" rx="8" fill="#55585d"/>
<path d="M32 10h20a8 8 0 0 1 8 8v28a8 8 0 0 1-8 8H32z" fill="#5b93c9"/>
<path d="M32 54h20a8 8 0 0 0 8-8v-4L47 29 32 43z" fill="#5f9a57"/>
<path d="M32 43 21 32 4 46a8 8 0 0 0 8 8h20z" fill="#3c3f43"/>
<circle cx="46" cy="21" r="5" fill="#f2c14e"/><circle cx="18" cy="21" r="5" fill="#8b8f95"/>
</svg>
"""


def install_shortcut() -> Path:
    """Write a shortcut that starts the studio; returns its path.

    Raises:
        WriteError: It can't be written.
    """
    if sys.platform == "win32":
        programs = Path(os.environ["APPDATA"], "Microsoft", "Windows", "Start Menu", "Programs")
        # in a batch file, a percent sign starts a variable
        command = sys.executable.replace("%", "%%")
        return _write(programs / f"{_NAME}.bat", f'@echo off\r\n"{command}" -m chromahint studio\r\n')
    if sys.platform == "darwin":
        quoted = sys.executable.replace("'", "'\\''")
        file = Path.home() / "Applications" / f"{_NAME}.command"
        return _write(file, f"#!/bin/sh\nexec '{quoted}' -m chromahint studio\n", executable=True)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    icon = _write(data / "icons" / "hicolor" / "scalable" / "apps" / "chromahint-studio.svg", _ICON)
    return _write(data / "applications" / "chromahint-studio.desktop", _desktop_entry(icon), executable=True)


def _desktop_entry(icon: Path) -> str:
    """Return the text of a desktop entry. Its terminal shows the address, and closing it stops the studio."""
    return "\n".join(
        [
            "[Desktop Entry]",
            "Type=Application",
            "Version=1.5",
            f"Name={_NAME}",
            "Comment=Bring color to old photos",
            f"Exec={_quote(sys.executable)} -m chromahint studio %f",
            f"Icon={icon}",
            "Terminal=true",
            "Categories=Graphics;Photography;",
            "MimeType=image/jpeg;image/png;image/tiff;image/webp;inode/directory;",
            "",
        ]
    )


def _quote(argument: str) -> str:
    """Quote an argument of a desktop entry: first as an argument, then as a string of the file."""
    for character in '\\"`$':
        argument = argument.replace(character, f"\\{character}")
    return f'"{argument}"'.replace("\\", "\\\\").replace("%", "%%")


def _write(path: Path, text: str, executable: bool = False) -> Path:
    with atomic_write(path) as file:
        file.write(text.encode())
    if executable:
        path.chmod(0o755)
    return path
