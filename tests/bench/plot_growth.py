#!/usr/bin/env python3
"""Draws the time of strategy exact against points and targets: plot_growth.py OUT.png < bench_search --json"""
import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

runs = [json.loads(line) for line in sys.stdin]
figure, axes = plt.subplots(figsize=(6.4, 4), dpi=100)
for targets in sorted({r["targets"] for r in runs}):
    for budgets, style in ((False, "o-"), (True, "s--")):
        line = [(r["points"], r["seconds"]) for r in runs
                if r["targets"] == targets and r["memory_budgets"] == budgets]
        axes.loglog(*zip(*line), style, ms=4, lw=1.2, color=f"C{[1, 6, 36].index(targets)}",
                    label=f"{targets} target{'s' * (targets > 1)}{', memory budgets' * budgets}")
axes.set_xlabel("architectures in the space")
axes.set_ylabel("seconds, one core, proven")
axes.grid(alpha=0.3)
axes.legend(fontsize=7)
figure.tight_layout()
figure.savefig(sys.argv[1])
