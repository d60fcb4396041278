"""Markdown files of the repository that become pages of the site, and links between them."""

from __future__ import annotations

import os.path
import re
from pathlib import Path

INCLUDED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "src/chromahint/models/pretrained/spreadnet.md": "reference/pretrained-weights.md",
    "src/chromahint/models/pretrained/spreadnet_scenes.md": "reference/pretrained-weights-scenes.md",
}
"""Where the text of a file is found on the site. README.md is not copied: the home page says the same."""
FOLDERS = {
    "benchmarks": "benchmarks.md",
    "conf": "reference/configuration/index.md",
    "docs": "index.md",
    "experiments": "experiments/index.md",
}
PICTURES = {".png", ".jpg", ".webp", ".svg"}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")


class Repository:
    """Maps files of the repository to pages.

    Attributes:
        pages: path in the repository to path on the site, of each Markdown file outside docs/ that is included.
        pictures: the same for the pictures next to them.
    """

    def __init__(self, root: Path, url: str | None = None) -> None:
        self.root = root
        self.url = url
        experiments = sorted(file.relative_to(root) for file in root.glob("experiments/*/README.md"))
        self.targets = {
            **INCLUDED,
            "experiments/README.md": "experiments/index.md",
            **{file.as_posix(): f"{file.parent.as_posix()}/index.md" for file in experiments},
            **{f"notebooks/{file.name}": f"notebooks/{file.stem}.md" for file in root.glob("notebooks/*.ipynb")},
        }
        self.pages = {
            source: page
            for source, page in self.targets.items()
            if source.endswith(".md") and source != "README.md" and (root / source).is_file()
        }
        self.pictures = {
            file.relative_to(root).as_posix(): file.relative_to(root).as_posix()
            for file in sorted(root.glob("experiments/*/*"))
            if file.suffix in PICTURES
        }

    def rewrite(self, text: str, source: str, page: str) -> str:
        """Point the links of a file at pages of the site.

        Args:
            text: Markdown.
            source: path of the file in the repository, from which its links count.
            page: path of the page on the site.

        Returns:
            The text. A link to a file that is not on the site points to the repository, or becomes plain text if the
            address of the repository is not known.
        """
        parts = re.split(r"(^```.*?^```[ ]*$)", text, flags=re.DOTALL | re.MULTILINE)
        return "".join(part if part.startswith("```") else self._rewrite(part, source, page) for part in parts)

    def _rewrite(self, text: str, source: str, page: str) -> str:
        def replace(match: re.Match[str]) -> str:
            mark, label, target = match.groups()
            path, hash_, anchor = target.partition("#")
            if not path or "://" in path or path.startswith("mailto:"):
                return match[0]
            found = os.path.normpath(os.path.join(os.path.dirname(source), path))  # noqa: PTH118, PTH120
            address = self._address(found, page)
            if address is None:
                return label if not mark else match[0]
            return f"{mark}[{label}]({address}{hash_}{anchor})"

        return LINK.sub(replace, text)

    def _address(self, found: str, page: str) -> str | None:
        choice = re.fullmatch(r"conf/(\w+)/([a-z]\w*)\.yaml", found)
        if choice:
            above = os.path.relpath("reference/configuration", os.path.dirname(page) or ".")  # noqa: PTH120
            return f"{above}/{choice[1]}.md#{choice[2]}"
        if found.startswith("docs/") and found not in FOLDERS:
            target = found.removeprefix("docs/")
        else:
            target = self.targets.get(found) or FOLDERS.get(found) or self.pictures.get(found) or ""
        if target and not target.endswith(".py"):
            return os.path.relpath(target, os.path.dirname(page) or ".")  # noqa: PTH120
        return f"{self.url}/blob/main/{found}" if self.url and (self.root / found).exists() else None
