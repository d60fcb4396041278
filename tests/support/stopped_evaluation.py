"""`python -m support.stopped_evaluation WORDS` runs a command, and waits in the second batch of an evaluation.

It says "stopped" there, and goes on when its standard input ends.
"""

import sys

from chromahint.cli.main import main
from chromahint.models.pullpush import PullPush


def stop_in_second_batch():
    forward, calls = PullPush.forward, []

    def wait(*inputs):
        calls.append(inputs)
        if len(calls) == 4:
            print("stopped", flush=True)
            sys.stdin.read()
        return forward(*inputs)

    PullPush.forward = wait


if __name__ == "__main__":
    stop_in_second_batch()
    sys.exit(main(sys.argv[1:]))
