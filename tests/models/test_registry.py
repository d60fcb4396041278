"""Model registry, and the table of networks."""

import io

import pytest
from rich.console import Console

from chromahint.cli.models import tables
from chromahint.config.compose import compose
from chromahint.config.paths import packaged_dir
from chromahint.config.validate import validate
from chromahint.models.registry import ModelSummary, list_models

NEW_NETWORK = """
from torch import nn


class Tint(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(4, 2, 1)

    def forward(self, lightness, hints):
        if {needs_values} and lightness.mean() > 50:
            return hints.ab
        import torch
        return self.mix(torch.cat([lightness, hints.ab, hints.mask], dim=1))
"""


def test_counts_parameters_and_operations_at_the_published_width():
    entries = list_models(
        {
            "hscaunet": "chromahint.models.hscaunet.HSCAUNet",
            "zhang2017": "chromahint.models.zhang2017.Zhang2017",
            "pullpush": "chromahint.models.pullpush.PullPush",
        }
    )
    assert [entry.name for entry in entries] == ["hscaunet", "hscaunet", "zhang2017", "zhang2017", "pullpush"]
    hscaunet, released, zhang2017, with_global_hints, pullpush = entries
    assert with_global_hints.options == ["model.global_hints=true"]
    assert hscaunet.options == ["model.channel_attention=cbam"]
    assert (released.options, released.parameters) == (["model.channel_attention=spatial"], 31_039_066)
    assert (hscaunet.year, hscaunet.parameters) == (2022, 31_082_194)
    assert (zhang2017.year, zhang2017.parameters) == (2017, 34_187_027)
    assert (pullpush.parameters, pullpush.gmac) == (0, 0)
    assert hscaunet.gmac == pytest.approx(_unet_gmac(256), rel=0.01)
    assert "SIGGRAPH" in zhang2017.source
    assert "mask" in hscaunet.input


@pytest.fixture(scope="module")
def shipped(models_as_json):
    """Every network of the package in its published configurations."""
    return [ModelSummary(**entry) for entry in models_as_json]


@pytest.mark.slow
def test_computed_costs_match_published_ones(shipped):
    for entry in shipped:
        published, title = entry.published, [entry.name, *entry.options]
        if published["parameters"] is not None:
            assert entry.parameters == pytest.approx(published["parameters"], rel=0.01), title
        if published["gmac"] is not None:
            # published values have one decimal
            assert published["computed_gmac"] == pytest.approx(published["gmac"], rel=0.01, abs=0.05), title
        composed = compose("train", [f"model={entry.name}", *entry.options]).config
        validate(composed, "train")


def test_table_fits_into_80_columns(shipped):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(tables(shipped), highlight=False)
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    head = next(line.split() for line in lines if line.startswith("model="))
    assert head == ["model=", "parameters", "published", "GMAC", "published"]
    # no name or option is wrapped
    figures = {line.strip().split()[0] for line in lines if line.strip()}
    for entry in shipped:
        assert {entry.name, *(option.removeprefix("model.") for option in entry.options)} <= figures
    tiny = lines[next(index for index, line in enumerate(lines) if "width=192" in line)]
    assert tiny.split() == ["width=192", "1.4", "1.4", "at", "224"]


def test_recipe_trains_its_network(shipped):
    recipes = {entry.recipe: entry.name for entry in reversed(shipped) if entry.recipe}
    assert recipes
    for recipe, network in recipes.items():
        name = recipe.removeprefix("train experiment=").removeprefix("experiment ")
        assert compose("train", [f"experiment={name}"]).choices["model"] == network
        assert (packaged_dir("experiments") / name / "plan.yaml").exists() == recipe.startswith("experiment ")


def _unet_gmac(size: int) -> float:
    total = 0
    for level, width in enumerate([64, 128, 256, 512, 1024]):
        pixels = (size >> level) ** 2
        inputs = 4 if level == 0 else width // 2
        total += pixels * 9 * (inputs * width + width * width)
        if level < 4:
            total += pixels * (9 * (2 * width * width + width * width) + 2 * width * width)
    return (total + size * size * 64 * 2) / 1e9


@pytest.mark.parametrize("needs_values", [False, True])
def test_network_without_model_info_is_listed(tmp_path, monkeypatch, needs_values):
    module = f"tint_{needs_values}".lower()
    (tmp_path / f"{module}.py").write_text(NEW_NETWORK.format(needs_values=needs_values))
    monkeypatch.syspath_prepend(tmp_path)
    (entry,) = list_models({"tint": f"{module}.Tint"})
    assert (entry.name, entry.parameters, entry.year, entry.input, entry.source) == ("tint", 10, None, "", "")
    assert entry.gmac == (None if needs_values else pytest.approx(256 * 256 * 8 / 1e9))
