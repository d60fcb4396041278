"""Whose project a request is about: the folder of the person who runs the studio, or one of another person's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path

from starlette.requests import Request

from chromahint.studio.project import Project
from chromahint.studio.project_files import GUESTS
from chromahint.studio.security import person_of

_GUEST_BYTES = 2 * 2**30
_ALL_GUESTS_BYTES = 20 * 2**30
_MAX_GUESTS = 200
_MAX_OPEN = 64


def default_folder() -> Path:
    """Return the project folder that is used if none is given."""
    return Path.home() / "Chromahint"


class Projects:
    """Opens the projects below a folder. Each person sees only their own.

    Args:
        root: Folder of the person who runs the studio.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._owner = Project(root)
        self._guests: OrderedDict[str, Project] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, request: Request) -> Project:
        """Return the project of the person who sent a request.

        Raises:
            ValueError: Too many people have a project.
        """
        person = person_of(request)
        if not person:
            return self._owner
        # the name of the folder does not reveal the secret in the cookie
        name = blake2b(person.encode(), digest_size=12).hexdigest()
        folder = self.root / GUESTS / name
        with self._lock:
            if name not in self._guests:
                if not folder.exists() and _count(self.root / GUESTS) >= _MAX_GUESTS:
                    raise ValueError("Too many people have photos here. Ask the person who runs the studio.")
                self._guests[name] = Project(folder, {folder: _GUEST_BYTES, folder.parent: _ALL_GUESTS_BYTES})
            self._guests.move_to_end(name)
            while len(self._guests) > _MAX_OPEN:
                self._guests.popitem(last=False)
            return self._guests[name]


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
