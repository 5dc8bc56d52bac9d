#!/usr/bin/env python3
"""Figures of a result for papers: loss against time, and sizes along the frontiers.

One figure for each law, workload, latency and memory budget, as rooflaw report --png DIR and --svg DIR make them.
Curves are the staircases of what can be built; some of the points inside the range the law was fitted on are dots.
Sizes are medians in steps of equal ratio of time, since they jump between shapes that are about as good. Legible with
eighteen curves: chips differ in colour, precisions in line style, the legend stands beside the axes."""

import argparse
import pathlib
import re
import sys

EXAMPLES = """examples:
  plot_figures.py results/quick.h5 figures
  plot_figures.py results/orin-vs-edge.h5 figures --format svg --latency total --precision int8 --budget total=100ms
"""
NEEDS = "Debian: python3-h5py python3-matplotlib, for /usr/bin/python3"
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "mJ": 1e-3, "J": 1.0, "kJ": 1e3, "": 1.0}
AXES = {"prefill": "time of the prompt [ms]", "tpot": "time per output token [ms]",
        "total": "time of prompt and answer [ms]", "energy": "energy of the workload [J]"}
SIZES = [("layers", "layers", "linear"), ("width", "width", "linear"), ("experts", "experts", "log"),
         ("ffn_ratio", "activated FFN ratio", "log"), ("kv_heads", "KV heads", "log")]
COLOURS = ["#0b62b0", "#b04a00", "#1b7a3d", "#a3236f", "#5b4ab0", "#8a6a00", "#00757f", "#c2182b", "#4d5a66", "#6d8b00"]
LINES = ["-", "--", ":", "-.", (0, (9, 2, 1, 2, 1, 2))]
NAMES = ["device", "precision", "workload", "latency", "law"]
SHOWN_NATS = 2  # of the losses, from the lowest: what is further up nobody would build


def budget(text):
    found = re.fullmatch(r"(\w+)=([0-9.]+(?:e[+-]?\d+)?)\s*(us|ms|s|mJ|J|kJ|)", text)
    if not found or found[1] not in AXES or float(found[2]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not like total=100ms or energy=2J")
    return found[1], float(found[2]) * UNITS[found[3]]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", help="RESULT.h5")
    parser.add_argument("folder", type=pathlib.Path, help="folder for the figures; made if it is not there")
    parser.add_argument("--format", action="append", choices=["png", "svg", "pdf"], help="may be given again; png if not given")
    for name in NAMES:
        parser.add_argument(f"--{name}", action="append", metavar="ID", help=f"only this {name}; may be given again")
    parser.add_argument("--budget", action="append", type=budget, default=[], metavar="KIND=VALUE",
                        help="a line at total=100ms, tpot=20ms, energy=2J; may be given again")
    parser.add_argument("--perplexity", action="store_true", help="instead of the loss")
    parser.add_argument("--whole", action="store_true", help=f"whole curves, not the lowest {SHOWN_NATS} nats")
    parser.add_argument("--bands", action="store_true", help="where nine of ten measured times lie")
    parser.add_argument("--width", type=float, default=7.2, help="of a figure, inches; 7.2 if not given")
    parser.add_argument("--dpi", type=float, default=160, help="of png; 160 if not given")
    return parser.parse_args()


def read_targets(file, wanted):
    """The targets that are wanted, each with what its curve needs, in the result's order."""
    columns = {name: file[f"targets/{name}"].asstr()[:] for name in ("id", "device", "precision", "workload", "latency")}
    targets, seen = [], {name: set() for name in NAMES}
    for row, target in enumerate(columns["id"]):
        for law in file["frontiers"]:
            if target not in file[f"frontiers/{law}"]:
                continue
            t = {name: columns[name][row] for name in ("device", "precision", "workload", "latency")} | {"law": law}
            parts = ".".join([t["device"], t["precision"], t["workload"], t["latency"]])
            t["budget"] = target[len(parts) + 1:] if target.startswith(parts) else ""
            for name in NAMES:
                seen[name].add(t[name])
            t["frontier"] = file[f"frontiers/{law}/{target}"]
            if all(not wanted[name] or t[name] in wanted[name] for name in NAMES):
                targets.append(t)
    for name in NAMES:
        for unknown in set(wanted[name] or []) - seen[name]:
            sys.exit(f"plot_figures.py: --{name} {unknown}: the result has {', '.join(sorted(seen[name]))}")
    return targets


def styles(targets):
    """Colour by chip and line by precision; with one chip, colour by precision."""
    devices = list(dict.fromkeys(t["device"] for t in targets))
    precisions = list(dict.fromkeys(t["precision"] for t in targets))
    for t in targets:
        device, precision = devices.index(t["device"]), precisions.index(t["precision"])
        first, second = (device, precision) if len(devices) > 1 else (precision, 0)
        t["style"] = {"color": COLOURS[first % len(COLOURS)], "linestyle": LINES[(second + first // len(COLOURS)) % len(LINES)]}
        t["name"] = t["device"] if len(precisions) == 1 else t["precision"] if len(devices) == 1 else f"{t['device']} {t['precision']}"


def scaled(t):
    return t["frontier"]["objective"][:] * (1.0 if t["latency"] == "energy" else 1e3)


def spread(x, count=24):
    """Places of some points, about equally far apart on a logarithmic axis."""
    import numpy
    marks = numpy.geomspace(x[0], x[-1], count)
    return numpy.unique(numpy.clip(numpy.searchsorted(x, marks), 0, len(x) - 1))


def medians(x, y, count=32):
    """Of y in steps of equal ratio of x: along a frontier sizes jump between shapes that are about as good."""
    import numpy
    step = numpy.digitize(x, numpy.geomspace(x[0], x[-1] * (1 + 1e-9), count + 1))
    steps = [step == s for s in numpy.unique(step)]
    return [numpy.median(x[s]) for s in steps], [numpy.median(y[s]) for s in steps]


def draw_budgets(axes, budgets, latency, label):
    for kind, value in budgets:
        if kind == latency:
            shown = value if kind == "energy" else value * 1e3
            axes.axvline(shown, color="#565e68", lw=0.9, ls=(0, (2, 2)))
            if label:
                axes.annotate(f"{shown:g} {'J' if kind == 'energy' else 'ms'}", (shown, 1), xycoords=("data", "axes fraction"),
                              xytext=(2, 2), textcoords="offset points", fontsize=7, color="#565e68")


def draw_frontiers(plt, group, targets, options):
    figure, axes = plt.subplots(figsize=(options.width, options.width * 0.55), layout="constrained")
    lowest = float("inf")
    for t in targets:
        x, loss = scaled(t), t["frontier"]["loss"][:]
        if len(x) == 0:
            continue
        lowest = min(lowest, loss[-1])
        y = t["frontier"]["perplexity"][:] if options.perplexity else loss
        axes.step(x, y, where="post", lw=1.2, label=t["name"], **t["style"])
        some = spread(x)
        inside = some[t["frontier"]["extrapolated"][:][some] == 0]
        axes.plot(x[inside], y[inside], "o", ms=2.5, color=t["style"]["color"])
        if options.bands and t["latency"] != "energy":
            low, high = (t["frontier"][f"latency_{end}_s"][:] * 1e3 for end in ("low", "high"))
            axes.fill_betweenx(y, low, high, color=t["style"]["color"], alpha=0.1, lw=0)
    axes.set_xscale("log")
    if not options.whole and lowest < float("inf"):
        import math
        low, high = (math.exp(v) if options.perplexity else v for v in (lowest, lowest + SHOWN_NATS))
        axes.set_ylim(low - 0.03 * (high - low), high)
    axes.set_xlabel(AXES[group["latency"]], fontsize=8)
    axes.set_ylabel("perplexity" if options.perplexity else "loss [nats per token]", fontsize=8)
    return figure, [axes]


def draw_sizes(plt, group, targets, options):
    figure, grid = plt.subplots(2, 3, figsize=(options.width, options.width * 0.6), layout="constrained")
    for axes, (column, name, scale) in zip(grid.flat, SIZES):
        for t in targets:
            if len(t["frontier"][column]) > 0:
                axes.plot(*medians(scaled(t), t["frontier"][column][:]), lw=1, label=t["name"], **t["style"])
        axes.set_xscale("log")
        if scale == "log":
            axes.set_yscale("log", base=2)
            axes.yaxis.set_major_formatter(lambda value, place: f"{value:g}")
        axes.set_title(name, fontsize=8)
    grid.flat[-1].set_axis_off()
    for axes in grid[1]:
        axes.set_xlabel(AXES[group["latency"]], fontsize=7)
    return figure, list(grid.flat[:len(SIZES)])


def main():
    options = arguments()
    try:
        import h5py
        import matplotlib
    except ModuleNotFoundError as error:
        sys.exit(f"plot_figures.py needs h5py and matplotlib ({NEEDS}); {sys.executable} has no {error.name}")
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "rooflaw"  # the same bytes each time
    import matplotlib.pyplot as plt
    try:
        file = h5py.File(options.result)
    except OSError as error:
        sys.exit(f"plot_figures.py: {options.result}: {error}")
    if file.attrs.get("filetype") != "rooflaw-result":
        sys.exit(f"plot_figures.py: {options.result}: is no result of rooflaw search")
    targets = read_targets(file, vars(options))
    if not targets:
        sys.exit("plot_figures.py: no target is left of these")
    styles(targets)
    groups = {}
    for t in targets:
        groups.setdefault(tuple(t[name] for name in ("law", "workload", "latency", "budget")), []).append(t)
    options.folder.mkdir(parents=True, exist_ok=True)
    for key, members in groups.items():
        group = dict(zip(("law", "workload", "latency", "budget"), key))
        for kind, draw in (("frontiers", draw_frontiers), ("sizes", draw_sizes)):
            figure, all_axes = draw(plt, group, members, options)
            for axes in all_axes:
                draw_budgets(axes, options.budget, group["latency"], kind == "frontiers")
                axes.grid(alpha=0.3, which="both", lw=0.4)
                axes.tick_params(labelsize=7)
            if len(members) > 1:
                handles, labels = all_axes[0].get_legend_handles_labels()
                figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 0.95), fontsize=7, frameon=False)
            figure.suptitle(", ".join(f"{name} {value}" for name, value in group.items() if value), fontsize=8)
            stem = re.sub(r"[^A-Za-z0-9._-]", "_", "-".join([kind, *(value for value in key if value)]))
            for suffix in options.format or ["png"]:
                path = options.folder / f"{stem}.{suffix}"
                figure.savefig(path, dpi=options.dpi, bbox_inches="tight", metadata={"Date": None} if suffix == "svg" else None)
                print(path)
            plt.close(figure)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"plot_figures.py: {error}")
