"""MkDocs hooks: add the pages that are generated from the code, the configs, and other Markdown files.

MkDocs calls `on_config`, `on_files`, and `on_page_markdown`. Everything is generated in memory; nothing is written
into docs/.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

import command_line  # noqa: E402  # the neighbors of this file: MkDocs makes them importable
import configuration  # noqa: E402
import notebooks  # noqa: E402
import rooms  # noqa: E402
import studio_api  # noqa: E402
from repository import Repository  # noqa: E402


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the generated sections of the navigation; link to the sources if the address of the repository is known."""
    if "GITHUB_REPOSITORY" in os.environ:
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        config.repo_url = f"{server}/{os.environ['GITHUB_REPOSITORY']}"
        config.repo_name = os.environ["GITHUB_REPOSITORY"]
    sections = {
        "Configuration": list(configuration.pages(ROOT)),
        "Experiments": [page for page in Repository(ROOT).pages.values() if page.startswith("experiments/")],
        "Notebooks": list(notebooks.pages(ROOT)),
    }
    _fill(config.nav, sections)
    return config


def _fill(nav: list[Any], sections: dict[str, list[str]]) -> None:
    for item in nav:
        if isinstance(item, dict):
            for title, content in item.items():
                if title in sections:
                    item[title] = sections[title]
                elif isinstance(content, list):
                    _fill(content, sections)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the pictures of the included ones."""
    repository = Repository(ROOT, config.repo_url)
    generated = {
        **configuration.pages(ROOT),
        **notebooks.pages(ROOT),
        "reference/command-line.md": command_line.page(),
        "reference/studio-api.md": studio_api.page(ROOT),
    }
    for source, page in repository.pages.items():
        generated[page] = repository.rewrite((ROOT / source).read_text(encoding="utf-8"), source, page)
    for uri, content in generated.items():
        files.append(File.generated(config, uri, content=content))
    for source, uri in repository.pictures.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Resolve links of hand-written pages that leave docs/, and insert the drawings."""
    if page.file.abs_src_path is not None and Path(page.file.abs_src_path).is_relative_to(ROOT / "docs"):
        uri = page.file.src_uri
        markdown = Repository(ROOT, config.repo_url).rewrite(markdown, f"docs/{uri}", uri)
    for marker, content in rooms.insertions(ROOT).items() if "<!-- generated:" in markdown else ():
        markdown = markdown.replace(f"<!-- generated: {marker} -->", content)
    return markdown
