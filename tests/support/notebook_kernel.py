"""`python -m support.notebook_kernel -f FILE`: the kernel of a notebook, as a child of the fork server."""

import os

from ipykernel.kernelapp import launch_new_instance

if __name__ == "__main__":
    # the kernel would end at once, as its parent is the fork server; the server ends it with the program
    os.environ.pop("JPY_PARENT_PID", None)
    launch_new_instance()
