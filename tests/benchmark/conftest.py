"""A tiny benchmark: four photos of 32 pixels, two solvers and gray."""

import pytest

YAML = """\
# A tiny benchmark
title: Tiny & quick
methods: {pullpush: pullpush, levin: levin, gray: gray}
sets:
  tiny: {root: tiny, manifest: tiny.json}
protocols:
  random_pixels: [protocol.size=32, 'protocol.hint_counts=[0,1,10]']
  small: [protocol=patches_2017, protocol.size=24, 'protocol.hint_counts=[2,4]']
"""


@pytest.fixture
def tiny_benchmark(make_photos, tmp_path, command):
    """The path of a YAML file; its set and manifest are next to it."""
    make_photos(tmp_path / "tiny", count=4, size=32)
    assert command("data", "manifest", "tiny", "--num-workers", "0", "--license", "our own").status == 0
    (tmp_path / "bench.yaml").write_text(YAML)
    return tmp_path / "bench.yaml"
