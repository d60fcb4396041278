"""Freed memory is used again: the kernel does not have to map it again, page by page."""

import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource, sys
import torch
from chromahint.training.allocator import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()

def count_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for step in range(40):
    if step == 20:
        before = count_faults()
    torch.ones(2**24).mul_(2).add(1)  # 64 MiB each
print(count_faults() - before)
"""


def count_page_faults(way: str) -> int:
    result = subprocess.run([sys.executable, "-c", PAGE_FAULTS, way], capture_output=True, text=True, check=True)
    return int(result.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_freed_memory_is_used_again():
    assert count_page_faults("keep") < count_page_faults("return") / 3
