"""Work that is spread over processes keeps its order, and ends with a sentence where a process is killed."""

import os
import signal

import pytest
from torch.utils.data import Dataset

from chromahint.data.parallel import available_cores, parallel_map


class Squares(Dataset):
    def __init__(self, count, deadly=-1):
        self.count, self.deadly = count, deadly

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": index**2, "process": os.getpid()}


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 3, 50])
def test_gives_everything_in_order(workers):
    found = list(parallel_map(Squares(7), workers))
    assert [item["square"] for item in found] == [0, 1, 4, 9, 16, 25, 36]
    assert len({item["process"] for item in found}) == max(1, min(workers, 7))
    assert (os.getpid() in {item["process"] for item in found}) == (workers == 0)


def test_a_process_that_is_killed():
    with pytest.raises(ValueError, match="ended from outside.*Type the same with --workers 1"):
        list(parallel_map(Squares(7, deadly=3), 2))


def test_counts_the_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
