#!/usr/bin/env python3
"""From a result to a decision, cell by cell: example.py [RESULT.h5]

Editors that know `# %%` (VS Code, Spyder, PyCharm; Jupyter through jupytext) run it as a notebook; it is a script, too.
The result is that of jobs/quick.toml unless another is named."""

# %% What is in it
import sys

import rooflaw

result = rooflaw.load(sys.argv[1] if len(sys.argv) > 1 else "results/quick.h5")
print(result.targets[["device", "precision", "workload", "latency", "budget", "efficiency"]].to_string())
print("made by rooflaw", result.provenance["program_version"], "with", result.provenance["command_line"])

# %% The decision: the best architecture of each target within its middle time, and that in the law's range
shape = ["layers", "width", "kv_heads", "expert_ffn", "experts", "top_k"]
times = {}
for latency, targets in result.targets.groupby("latency"):
    points = rooflaw.frontier(result, latency=latency)
    times[latency] = [float(points.objective.median())]
winners = rooflaw.best(result, times)
print(winners[["target", "within", "loss", *shape, "extrapolated"]].to_string())
print(rooflaw.best(result, times, in_range=True)[["target", "within", "loss", *shape]].to_string())

# %% What the law's range costs, in nats
both = winners.merge(rooflaw.best(result, times, in_range=True), on=["law", "target", "within"], suffixes=("", "_in_range"))
print((both.loss_in_range - both.loss).describe())

# %% How sure the times are: nine of ten measured ones lie within these factors
print((winners[["latency_low_s", "latency_high_s"]].div(winners.latency_s, axis=0)).assign(target=winners.target))

# %% Chips side by side: time over that of the first at equal loss; a tie where the difference lies within the bands
baseline = result.targets.device.iloc[0]
if result.targets.device.nunique() > 1:
    devices, best = rooflaw.compare(result, baseline)
    print(devices[["precision", "latency", "device", "ratio", "ratio_least", "ratio_largest", "tie"]].to_string())
    print(best.pivot_table(index=["latency", "precision", "within"], columns="device", values="loss"))

# %% How the architecture moves along a frontier: medians over tenths of it
points = rooflaw.frontier(result, result.targets.index[0])
print(points[["objective", "loss", *shape]].groupby(points.index * 10 // len(points)).median())

# %% What a chip would gain from more bandwidth, compute, memory: nats per 1 %, along the frontier
worth = rooflaw.load(result.path, also=["sensitivity"]).tables["sensitivity"]
for (law, target), columns in worth.items():
    print(target, columns[["worth_compute", "worth_bandwidth", "worth_memory"]].median().to_dict())

# %% A figure
latency = result.targets.latency.iloc[-1]
rooflaw.plot(result, result.path.with_suffix(".svg"), latency=latency, budgets={latency: times[latency]})
