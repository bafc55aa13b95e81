"""One statistic a file: what the gate computes, its source, and nothing else."""
