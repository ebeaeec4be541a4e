"""The benchmarks: `make bench`, or `python -m tests.bench --help`. What they measure and how: docs/benchmarks.md."""
