"""How fast the site is and what it costs: `make bench` measures the goals and writes docs/benchmarks.md.

Each benchmark is `run(site, scale)` and returns rows; its smallest form is part of the suite, which asserts no times.
"""
