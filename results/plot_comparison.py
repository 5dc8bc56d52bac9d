#!/usr/bin/env python3
"""Draws what `rooflaw compare --json` prints: plot_comparison.py COMPARISON.json OUT.png [KIND [PRECISION]]

Time over the baseline's at equal loss (mean, bar from least to largest; hatched: a tie), the lowest loss
within the times of the ladder, and the efficiency trap at the middle one: by how much the fastest of the
device of the row is slower than it need be on that of the column. COMPARISON.json may be - (stdin)."""
import json
import sys

try:
    import matplotlib
    import matplotlib.ticker

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("plot_comparison.py: needs matplotlib (Debian: python3-matplotlib)")


def read_group(path, kind, precision):
    """The comparison and that of its groups that is drawn."""
    try:
        with sys.stdin if path == "-" else open(path) as file:
            comparison = json.load(file)
        groups = comparison["groups"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"plot_comparison.py: {path}: is not what rooflaw compare --json prints: {error}")
    for group in groups:
        if kind in (None, group["latency"]) and precision in (None, group["precision"]):
            return comparison, group
    known = sorted({f"{g['latency']} {g['precision']}" for g in groups})
    sys.exit(f"plot_comparison.py: {path}: has no group of this kind and precision; it has {', '.join(known)}")


def draw_ratios(axes, group, baseline):
    for place, device in enumerate(group["devices"]):
        ratio = device["ratio"]
        if ratio is None:
            continue
        axes.barh(place, ratio["mean"], color="0.75" if device["device"] == baseline else "C0",
                  hatch="//" if device["tie"] else None, edgecolor="white")
        axes.plot([ratio["least"], ratio["largest"]], [place, place], color="black", lw=1)
    axes.axvline(1, color="black", lw=0.6)
    axes.set_yticks(range(len(group["devices"])),
                    [f"{place + 1} {d['device']} ({d['calibration'] or 'no target'})"
                     for place, d in enumerate(group["devices"])], fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [step * 10.0**power for power in range(-3, 4) for step in (1, 2, 5)]
    axes.set_xticks([tick for tick in ticks if low <= tick <= high], minor=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_xlabel(f"{group['latency']} over that of {baseline}, at equal loss", fontsize=8)


def draw_losses(axes, group):
    for place, device in enumerate(group["devices"]):
        points = [(rung["objective"], rung["best"][place]["point"]) for rung in group["rungs"]]
        points = [(x, point["loss"]) for x, point in points if point is not None]
        if points:
            axes.plot(*zip(*points), "o-", ms=3, lw=1, label=f"{place + 1}")
    axes.set_xscale("log")
    axes.set_xlabel(f"{group['latency']} [{group['unit']}]", fontsize=8)
    axes.set_ylabel("lowest loss [nats per token]", fontsize=8)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=6, ncol=2)


def draw_trap(axes, group):
    if not group["rungs"]:
        return
    rung = group["rungs"][len(group["rungs"]) // 2]
    count = len(group["devices"])
    cells = [[float("nan")] * count for _ in range(count)]
    for row, pick in enumerate(rung["picks"]):
        for column, placed in enumerate(pick["on"]):
            if "why_not" not in placed and not placed["misses"] and placed["regret_ratio"] is not None:
                cells[row][column] = placed["regret_ratio"]
    axes.imshow(cells, cmap="YlOrRd", vmin=1, vmax=max([1.01] + [x for row in cells for x in row if x == x]))
    for row in range(count):
        for column in range(count):
            value = cells[row][column]
            axes.text(column, row, "–" if value != value else f"{value:.2f}", ha="center", va="center", fontsize=6)
    names = [str(place + 1) for place in range(count)]
    axes.set_xticks(range(count), names, fontsize=7)
    axes.set_yticks(range(count), names, fontsize=7)
    axes.set_xlabel("runs on", fontsize=8)
    axes.set_ylabel("best of", fontsize=8)
    loss = rung["baseline_loss"]
    axes.set_title("slower than it need be" + ("" if loss is None else f", loss {loss:.3f}"), fontsize=8)


def main():
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    path, out = sys.argv[1:3]
    kind = sys.argv[3] if len(sys.argv) > 3 else None
    precision = sys.argv[4] if len(sys.argv) > 4 else None
    comparison, group = read_group(path, kind, precision)
    figure, (ratios, losses, trap) = plt.subplots(1, 3, figsize=(13, 1.8 + 0.32 * len(group["devices"])),
                                                  dpi=110, width_ratios=[1.2, 1.1, 1])
    draw_ratios(ratios, group, comparison["baseline"])
    draw_losses(losses, group)
    draw_trap(trap, group)
    precision = "best of all precisions" if group["precision"] == "*" else group["precision"]
    figure.suptitle(f"{precision}, {group['latency']}, workload {group['workload']}, memory {group['budget']}",
                    fontsize=9)
    figure.tight_layout()
    figure.savefig(out)


if __name__ == "__main__":
    main()
