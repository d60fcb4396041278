"""`parallel_map` keeps the order of the items and reports a killed worker."""

import os
import signal

import pytest
from torch.utils.data import Dataset

from chromahint.data.parallel import available_cores, parallel_map


class Squares(Dataset):
    def __init__(self, count, kill_at=-1):
        self.count, self.kill_at = count, kill_at

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": index**2, "process": os.getpid()}


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 3, 50])
def test_items_are_in_order(workers):
    items = list(parallel_map(Squares(7), workers))
    assert [item["square"] for item in items] == [0, 1, 4, 9, 16, 25, 36]
    assert len({item["process"] for item in items}) == max(1, min(workers, 7))
    assert (os.getpid() in {item["process"] for item in items}) == (workers == 0)


def test_error_if_a_worker_is_killed():
    with pytest.raises(ValueError, match=r"--num-workers 2: a worker process was killed.*Try --num-workers 1\."):
        list(parallel_map(Squares(7, kill_at=3), 2))


def test_available_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
