"""What rooflaw.plot draws with: needs matplotlib, which the rest of the module does not."""
import matplotlib.figure
import matplotlib.backends.backend_agg

COLOURS = [*(f"C{i}" for i in range(10)), "navy", "darkgreen", "gold", "black", "deeppink", "teal"]
STROKES = ["-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1))]


def draw(curves, out, *, latency, unit, y, bands, budgets):
    """A figure of (names, points), each a curve; written to `out` if that is given."""
    parts = [part for part in ("law", "device", "precision", "workload", "budget")
             if part == "device" or len({names[part] for names, _ in curves}) > 1]
    devices = list(dict.fromkeys(names["device"] for names, _ in curves))
    kinds = list(dict.fromkeys(tuple(names[part] for part in parts if part != "device") for names, _ in curves))
    scale, unit = (1e3, unit.replace("s", "ms", 1)) if unit.startswith("s") else (1, unit)
    # Not pyplot's: it would keep the figure, and choose how to show it.
    figure = matplotlib.figure.Figure(figsize=(7.2, max(4.2, 1 + 0.19 * len(curves))), dpi=110)
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    axes = figure.subplots()
    for names, points in curves:
        colour = COLOURS[devices.index(names["device"]) % len(COLOURS)]
        stroke = kinds.index(tuple(names[part] for part in parts if part != "device"))
        axes.step(points.objective * scale, points[y], where="post", lw=1.3, color=colour,
                  ls=STROKES[stroke % len(STROKES)], label=" ".join(names[part] for part in parts))
        inside = points[points.extrapolated == 0]
        axes.plot(inside.objective * scale, inside[y], ".", ms=5, color=colour, markevery=max(1, len(inside) // 40))
        if bands and unit != "J":
            axes.fill_betweenx(points[y], points.latency_low_s * scale, points.latency_high_s * scale, color=colour,
                               alpha=0.1, lw=0)
    for time in budgets:
        axes.axvline(time * scale, color="black", lw=0.8, ls=":")
        axes.annotate(f"{time * scale:g} {unit}", (time * scale, 1), xycoords=("data", "axes fraction"),
                      xytext=(2, -9), textcoords="offset points", fontsize=7)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"{latency} [{unit}]")
    axes.set_ylabel(f"{y} [nats per token]" if y == "loss" else y)
    axes.set_title(f"Lowest {y} within a time (dots: inside the range the law was fitted on)", fontsize=9)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, handlelength=3)
    if out is not None:
        figure.savefig(out, bbox_inches="tight")
    return figure
