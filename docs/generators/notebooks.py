"""Notebooks as pages: text and code, without outputs, which are made by whoever runs them."""

from __future__ import annotations

import json
from pathlib import Path


def pages(root: Path) -> dict[str, str]:
    """Render each notebook; keys are paths on the site."""
    return {f"notebooks/{file.stem}.md": _page(file) for file in sorted((root / "notebooks").glob("*.ipynb"))}


def _page(file: Path) -> str:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"]).strip()
        if text:
            parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    return "\n\n".join([*parts, f"*This page shows `notebooks/{file.name}`, which runs in the tests.*"]) + "\n"
