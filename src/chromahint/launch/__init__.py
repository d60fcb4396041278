"""Start training: one run, many runs, on this machine or on a cluster."""
