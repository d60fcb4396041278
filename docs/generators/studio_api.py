"""The reference of the studio's API, from its OpenAPI description."""

from __future__ import annotations

from pathlib import Path

import yaml


def page(root: Path) -> str:
    """List the routes with their parameters, followed by the whole description."""
    text = (root / "src/chromahint/studio/openapi.yaml").read_text(encoding="utf-8")
    description = yaml.safe_load(text)
    rows = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            names = [_name(description, each) for each in operation.get("parameters", ())]
            parameters = ", ".join(f"`{name}`" for name in names if f"{{{name}}}" not in path)
            rows.append(f"| `{method.upper()} {path}` | {parameters} | {operation['summary']} |")
    return "\n\n".join(
        [
            "# Studio API",
            description["info"]["description"],
            "\n".join(["| Route | Query | |", "|---|---|---|", *rows]),
            "Bodies, responses, and errors, in OpenAPI 3.1, as the studio serves them at `/api/openapi.yaml`:",
            f"```yaml\n{text}```\n",
        ]
    )


def _name(description: dict[str, dict[str, dict[str, dict[str, str]]]], parameter: dict[str, str]) -> str:
    if "$ref" in parameter:
        return description["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]["name"]
    return parameter["name"]
