"""Several processes of one run on this machine, through torch's own launcher.

`python -m chromahint.training.processes COUNT ARGUMENTS` runs `python ARGUMENTS` in so many.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch


def run_together(arguments: list[str], processes: int) -> int:
    """Run `python ARGUMENTS` in several processes that know of each other.

    Returns:
        0, or the exit status of the first process that failed; the others are ended then.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.2,
        signals_to_handle="SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1",
    )
    try:
        elastic_launch(config, sys.executable)(*arguments)
    except SignalException as error:
        if error.sigval == signal.SIGINT:
            raise KeyboardInterrupt from None
        return 128 + int(error.sigval)
    except ChildFailedError as error:
        first = error.get_first_failure()[1]
        return first.exitcode if first.exitcode > 0 else 1
    return 0


if __name__ == "__main__":
    sys.exit(run_together(sys.argv[2:], int(sys.argv[1])))
