"""Errors in the YAML file of a benchmark, and the benchmarks that the package includes."""

from pathlib import Path

import pytest

from chromahint.benchmark.benchmark_config import read_benchmark
from chromahint.config.errors import ConfigError
from chromahint.config.paths import list_groups
from chromahint.data.manifest import read_manifest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("methods:", "method:", "not a benchmark"),
        ("root: tiny", "rot: tiny", "sets.tiny: must be a mapping of root, manifest, max_images"),
        ("root: tiny", "max_images: 0", "sets.tiny.max_images=0: must be an integer >= 1"),
        ("tiny.json", "other.json", "sets.tiny.manifest=other.json: file not found. Write it with"),
        ("levin: levin", "levin: [levin]", "methods.levin=.*: must be pretrained, a run folder"),
        ("levin: levin", "levin: runs/*/levin", "methods.levin=.*: matches 0 paths"),
        ("levin: levin", "../levin: levin", "methods: must be a list of names or a mapping of labels"),
        ("small:", "sma/ll:", "protocols: must be a list of names or a mapping of labels"),
        ("patches_2017", "patches_2018", "protocols.small: protocol=patches_2018: unknown protocol.*Did you mean"),
        ("protocol.size=24", "protocol.size=0", "(?s)protocols.small: .*protocol.size=0: must be"),
        ("protocol.size=24", "data=folder", "protocols.small=.*: must be a list such as"),
    ],
)
def test_errors_name_the_place_and_the_remedy(tiny_benchmark, old, new, message):
    tiny_benchmark.write_text(tiny_benchmark.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_benchmark(str(tiny_benchmark), Path())


def test_lists_of_names_are_their_own_labels(tiny_benchmark):
    folder = tiny_benchmark.parent
    (folder / "manifests").mkdir()
    (folder / "tiny.json").rename(folder / "manifests/tiny.json")
    tiny_benchmark.write_text("methods: [levin, pretrained]\nsets: [tiny]\nprotocols: [clicks, regions]\n")
    found = read_benchmark(str(tiny_benchmark), Path("photos"))
    assert found.methods == {"levin": "levin", "pretrained": "pretrained"}
    assert found.sets["tiny"].root == Path("photos/tiny")
    assert list(found.protocols) == ["clicks", "regions"]


def test_unknown_names_get_a_suggestion(command):
    done = command("benchmark", "baseline")
    assert done.status == 2
    assert "baseline: unknown benchmark; choose one of baselines" in done.err


def test_a_pattern_selects_the_only_match(tiny_benchmark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/1234/levin").mkdir(parents=True)
    tiny_benchmark.write_text(tiny_benchmark.read_text().replace("levin: levin", "levin: runs/*/levin"))
    assert read_benchmark("bench.yaml", Path()).methods["levin"] == "runs/1234/levin"


@pytest.mark.parametrize(("limit", "expected"), [(None, 3), (2, 2), (5, 3)])
def test_the_smaller_limit_of_photos_applies(tiny_benchmark, limit, expected):
    tiny_benchmark.write_text(tiny_benchmark.read_text().replace("root: tiny", "root: tiny, max_images: 3"))
    assert read_benchmark(str(tiny_benchmark), Path(), limit).sets["tiny"].max_images == expected


@pytest.mark.parametrize("name", list_groups()["benchmark"])
def test_packaged_benchmarks_are_valid(name, tmp_path, monkeypatch):
    for method in (
        "hscaunet",
        "unet",
        "attention_unet",
        "resunet",
        "resunet_alresnet",
        "multibranch",
        "xiao2019",
        "zhang2016",
        "zhang2017",
        "icolorit",
        "spreadnet",
    ):
        (tmp_path / "runs/equal_budget/1234abcd" / method).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    benchmark = read_benchmark(name, Path("photos"))
    for photo_set in benchmark.sets.values():
        assert read_manifest(photo_set.manifest)["images"] >= 100
        assert photo_set.root.parent == Path("photos")
