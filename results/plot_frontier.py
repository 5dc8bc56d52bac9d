#!/usr/bin/env python3
"""Draws the frontiers of a result, as PNG, SVG or PDF: plot_frontier.py RESULT.h5 OUT.png [LATENCY]

    plot_frontier.py results/quick.h5 quick.svg tpot --budget tpot=20ms --device jetson-agx-orin-64gb --y perplexity
"""
import argparse
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="plot_frontier.py RESULT.h5 OUT.png [LATENCY] [OPTION]...")
    parser.add_argument("result", metavar="RESULT.h5")
    parser.add_argument("out", metavar="OUT.png", help="its ending says the format")
    parser.add_argument("latency", nargs="?", default="total", help="prefill, tpot, total (default) or energy")
    for name in ("device", "precision", "workload", "law"):
        parser.add_argument(f"--{name}", action="append", metavar="ID", help="only this one; may be given again")
    parser.add_argument("--budget", action="append", default=[], metavar="TIME",
                        help="a line at this time, total=100ms or 100ms; may be given again")
    parser.add_argument("--y", choices=["loss", "perplexity"], default="loss")
    parser.add_argument("--in-range", action="store_true", help="only where the law does not extrapolate")
    parser.add_argument("--bands", action="store_true", help="between which nine of ten measured times lie")
    return parser.parse_args()


def main():
    asked = arguments()
    try:
        import h5py, matplotlib, pandas  # noqa: that they are there
    except ModuleNotFoundError as error:
        sys.exit(f"plot_frontier.py needs h5py, pandas and matplotlib (Debian: python3-h5py python3-pandas python3-matplotlib, "
                 f"for /usr/bin/python3); {sys.executable} has no {error.name}")
    import rooflaw

    budgets = {}
    for text in asked.budget:
        kind, equals, time = text.rpartition("=")
        budgets.setdefault(kind if equals else asked.latency, []).append(time)
    try:
        rooflaw.plot(rooflaw.load(asked.result), asked.out, budgets=budgets, latency=asked.latency, y=asked.y,
                     in_range=asked.in_range, bands=asked.bands, device=asked.device, precision=asked.precision,
                     workload=asked.workload, law=asked.law)
    except ValueError as error:
        print(f"plot_frontier.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"plot_frontier.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
