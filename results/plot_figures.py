#!/usr/bin/env python3
"""All figures of a result for papers: loss against time, and sizes along the frontiers.

Two for each law, workload, latency and memory budget, as rooflaw report --png DIR and --svg DIR make them. Sizes are
medians in steps of equal ratio of time, since along a frontier they jump between shapes that are about as good.

    plot_figures.py results/quick.h5 figures
    plot_figures.py results/orin-vs-edge.h5 figures --format svg --latency total --precision int8 --budget total=100ms
"""
import argparse
import io
import pathlib
import re
import sys

SIZES = [("layers", "layers", None), ("width", "width", None), ("experts", "experts", 2),
         ("ffn_ratio", "activated FFN ratio", 2), ("kv_heads", "KV heads", 2)]  # column, name, base of a log axis
FILTERS = ("device", "precision", "workload", "latency", "budget", "law")
GROUP = ("law", "workload", "latency", "budget")
STEPS = 32  # of a frontier's medians
MARK = b"rooflaw figure"  # in the file, of what may be drawn again without --force


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="plot_figures.py RESULT.h5 DIR [OPTION]...")
    parser.add_argument("result", metavar="RESULT.h5")
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path, help="made if it is not there")
    parser.add_argument("--format", action="append", choices=["png", "svg", "pdf"], help="png if not given; may be given again")
    for name in FILTERS:
        option = "memory" if name == "budget" else name
        parser.add_argument(f"--{option}", dest=name, action="append", metavar="ID", help="only this one; may be given again")
    parser.add_argument("--at", "--budget", dest="at", action="append", default=[], metavar="KIND=VALUE",
                        help="a line at total=100ms, energy=2J; may be given again")
    parser.add_argument("--y", choices=["loss", "perplexity"], default="loss")
    parser.add_argument("--in-range", action="store_true", help="only where the law does not extrapolate")
    parser.add_argument("--bands", action="store_true", help="between which nine of ten measured times lie")
    parser.add_argument("--force", action="store_true", help="replace files that are no such figures")
    parser.add_argument("--unsealed", action="store_true", help="read a result, too, that another program has changed")
    return parser.parse_args()


def budgets_of(texts):
    """By latency: times as they are, energies as numbers."""
    budgets = {}
    for text in texts:
        kind, equals, value = text.partition("=")
        if not equals or kind not in ("prefill", "tpot", "total", "energy"):
            raise ValueError(f"{text}: must be like total=100ms or energy=2J")
        budgets.setdefault(kind, []).append(float(value.removesuffix("J")) if kind == "energy" else value)
    return budgets


def is_ours(path):
    return MARK in path.read_bytes()


def medians(points, column):
    import numpy
    x = points.objective.to_numpy()
    step = numpy.digitize(x, numpy.geomspace(x[0], x[-1] * (1 + 1e-9), STEPS + 1))
    middle = points.groupby(step)[["objective", column]].median()
    return middle.objective, middle[column]


def draw_sizes(curves, scale, label):
    """Small charts of what is built, a curve each of (name, style, points)."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    figure = matplotlib.figure.Figure(figsize=(9, 5.4), dpi=110, layout="constrained")
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    grid = figure.subplots(2, 3).flat
    for axes, (column, name, base) in zip(grid, SIZES):
        for curve, style, points in curves:
            if len(points) > 0:
                x, y = medians(points, column)
                axes.plot(x * scale, y, lw=1.2, label=curve, **style)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        if base is not None:
            axes.set_yscale("log", base=base)
            axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(label, fontsize=8)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    grid[-1].set_axis_off()
    figure.legend(*grid[0].get_legend_handles_labels(), fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 0.98), handlelength=3)
    return figure


def main():
    asked = arguments()
    try:
        import h5py, matplotlib, pandas  # noqa: that they are there
    except ModuleNotFoundError as error:
        sys.exit(f"plot_figures.py needs h5py, pandas and matplotlib (Debian: python3-h5py python3-pandas python3-matplotlib, "
                 f"for /usr/bin/python3); {sys.executable} has no {error.name}")
    import rooflaw
    from rooflaw_drawing import COLOURS, STROKES

    matplotlib.rcParams["svg.hashsalt"] = "rooflaw"  # the same bytes each time
    result = rooflaw.load(asked.result, unsealed=asked.unsealed)
    budgets = budgets_of(asked.at)
    which = {name: getattr(asked, name) for name in FILTERS if getattr(asked, name)}
    groups = {}
    for names in rooflaw.frontier(result, **which)[["target", *FILTERS]].drop_duplicates().to_dict("records"):
        groups.setdefault(tuple(names[part] for part in GROUP), []).append(names)
    if not groups:
        print(f"plot_figures.py: {asked.result}: has no point to draw", file=sys.stderr)
    asked.folder.mkdir(parents=True, exist_ok=True)

    def save(figure, kind, key):
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", "-".join([kind, *key]))
        for suffix in asked.format or ["png"]:
            path = asked.folder / f"{stem}.{suffix}"
            if path.exists() and not (asked.force or is_ours(path)):
                raise FileExistsError(0, "is there and no figure of rooflaw; --force replaces it", str(path))
            about = {"Date": None, "Creator": MARK.decode()} if suffix == "svg" else \
                {"Creator": MARK.decode(), "CreationDate": None} if suffix == "pdf" else {"Software": MARK.decode()}
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, bbox_inches="tight", metadata=about)
            path.write_bytes(buffer.getvalue())
            print(path)

    for key, members in groups.items():
        of_group = {**which, **dict(zip(GROUP, key))}
        lines = {kind: times for kind, times in budgets.items() if kind == key[2]}
        save(rooflaw.plot(result, budgets=lines, y=asked.y, in_range=asked.in_range, bands=asked.bands, **of_group), "frontiers", key)
        devices, precisions = (list(dict.fromkeys(m[part] for m in members)) for part in ("device", "precision"))
        curves = [(f"{m['device']} {m['precision']}",
                   {"color": COLOURS[devices.index(m["device"]) % len(COLOURS)],
                    "ls": STROKES[precisions.index(m["precision"]) % len(STROKES)]},
                   rooflaw.frontier(result, in_range=asked.in_range, **{**of_group, "device": m["device"], "precision": m["precision"]}))
                  for m in members]
        unit = result.targets.at[members[0]["target"], "objective_unit"]
        save(draw_sizes(curves, 1e3 if unit.startswith("s") else 1, f"{key[2]} [{unit.replace('s', 'ms', 1) if unit.startswith('s') else unit}]"),
             "sizes", key)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        print(f"plot_figures.py: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"plot_figures.py: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(3)
