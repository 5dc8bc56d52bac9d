#!/usr/bin/env python3
"""Draws the frontiers of a result: plot_frontier.py RESULT.h5 OUT.png [LATENCY KIND]"""
import sys

if len(sys.argv) < 3:
    sys.exit(__doc__)
try:
    import h5py
    import matplotlib
except ModuleNotFoundError as error:
    sys.exit(f"plot_frontier.py needs h5py and matplotlib (Debian: python3-h5py python3-matplotlib, for /usr/bin/python3); "
             f"{sys.executable} has no {error.name}")

matplotlib.use("Agg")
import matplotlib.pyplot as plt

result, out = sys.argv[1:3]
kind = sys.argv[3] if len(sys.argv) > 3 else "total"

figure, axes = plt.subplots(figsize=(7.2, 4.2), dpi=110)
with h5py.File(result) as file:
    latency_of = dict(zip(file["targets/id"].asstr()[:], file["targets/latency"].asstr()[:]))
    for law in file["frontiers"].values():
        for target, frontier in law.items():
            if latency_of[target] != kind:
                continue
            x, y = frontier["latency_s"][:] * 1e3, frontier["loss"][:]
            (line,) = axes.step(x, y, where="post", lw=1.4, label=target)
            inside = frontier["extrapolated"][:] == 0
            axes.plot(x[inside], y[inside], ".", ms=3.5, color=line.get_color())
axes.set_xscale("log")
axes.set_xlabel(f"{kind} latency [ms]")
axes.set_ylabel("loss [nats per token]")
axes.set_title("Lowest loss within a latency (dots: inside the range the law was fitted on)", fontsize=9)
axes.grid(alpha=0.3, which="both")
axes.legend(fontsize=7)
figure.tight_layout()
figure.savefig(out)
