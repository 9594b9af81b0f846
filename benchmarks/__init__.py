"""Benchmarks, one file for each claim; numpy computes on one thread in them, as in workers."""

import os

# Before anything imports numpy, which reads them once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
