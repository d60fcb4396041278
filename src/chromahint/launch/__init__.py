"""Start training: single runs, several runs, resumed runs, and experiments, on this machine or a SLURM cluster."""
