"""Frontiers as staircases of what can be built, which is how `rooflaw compare` takes them: nothing is interpolated.

A frontier is a table whose `objective` rises and whose `loss` falls. Bands are factors of a time. This is
src/search/comparison.cpp once more, for tables; tests/cli/test_python_module.py holds the two together.
"""
import numpy
import pandas


def best_within(points: pandas.DataFrame, within: float) -> int | None:
    """The slowest point that is no slower has the lowest loss."""
    row = int(numpy.searchsorted(points.objective, within, side="right")) - 1
    return None if row < 0 else row


def ladder(points: pandas.DataFrame, rungs: int) -> list[float]:
    """Objectives of points in steps of equal ratio from the fastest to the slowest."""
    times = points.objective.to_numpy()
    if not len(times):
        return []
    steps = times[0] * (times[-1] / times[0]) ** numpy.linspace(0, 1, rungs)
    steps[0], steps[-1] = times[0], times[-1]  # rounding must not miss them
    return sorted({float(times[best_within(points, max(step, times[0]))]) for step in steps})


def round_ladder(frontiers: list[pandas.DataFrame], rungs: int) -> list[float]:
    """At most so many round values over the times of all, as `rooflaw best` takes them; the last is above the slowest."""
    frontiers = [points for points in frontiers if len(points)]
    if not frontiers:
        return []
    fastest = min(points.objective.iloc[0] for points in frontiers)
    slowest = max(points.objective.iloc[-1] for points in frontiers)
    values = [float(f"{digit}e{power}") for power in range(int(numpy.log10(fastest)) - 3, int(numpy.log10(slowest)) + 3)
              for digit in (1, 2, 5)]
    steps = fastest * (slowest / fastest) ** (numpy.arange(1, rungs) / rungs)
    below = [max(value for value in values if value <= step) for step in steps]
    above = min(value for value in values if value >= slowest)
    return sorted({value for value in [*below, above] if value >= fastest})


def joined(frontiers: list[tuple[str, pandas.DataFrame]]) -> pandas.DataFrame:
    """Those of several precisions as one, `chosen` the precision: what none of the others dominates."""
    points = pandas.concat([points.assign(chosen=precision) for precision, points in frontiers], ignore_index=True)
    points = points.sort_values(["objective", "loss"], kind="stable", ignore_index=True)
    best_before = numpy.minimum.accumulate(numpy.append(numpy.inf, points.loss))[:-1]
    return points[points.loss < best_before].reset_index(drop=True)


def ratio(points: pandas.DataFrame, baseline: pandas.DataFrame) -> dict[str, float]:
    """Objective at equal loss over the baseline's: a geometric mean in which every nat weighs the same."""
    ratio = dict.fromkeys(("ratio", "ratio_least", "ratio_largest", "loss_from", "loss_to"), numpy.nan)
    if not len(points) or not len(baseline):
        return ratio
    low = max(points.loss.iloc[-1], baseline.loss.iloc[-1])
    high = min(points.loss.iloc[0], baseline.loss.iloc[0])
    if low > high:
        return ratio
    losses = numpy.unique(numpy.concatenate([points.loss, baseline.loss, [low, high]]))
    losses = losses[(losses >= low) & (losses <= high)]

    def times(frontier):  # the fastest that reaches each loss: losses fall along a frontier
        return frontier.objective.to_numpy()[numpy.searchsorted(-frontier.loss.to_numpy(), -losses)]

    logs = numpy.log(times(points) / times(baseline))
    mean = numpy.sum(logs[:-1] * numpy.diff(losses)) / (high - low) if high > low else logs[0]
    return dict(zip(ratio, (*numpy.exp([mean, logs.min(), logs.max()]), low, high)))


def band(frontiers: list[pandas.DataFrame]) -> tuple[float, float]:
    """Factors of the time between which nine of ten measured ones lie, the widest of all; NaN if one is unknown."""
    ends = [(1.0, 1.0)]
    for points in frontiers:
        logs = numpy.log(points[["latency_low_s", "latency_high_s"]].to_numpy() / points[["latency_s"]].to_numpy())
        ends.append(numpy.exp(logs.mean(axis=0)) if len(logs) else (numpy.nan, numpy.nan))
    low, high = numpy.min(ends, axis=0)[0], numpy.max(ends, axis=0)[1]
    return (numpy.nan, numpy.nan) if numpy.isnan(ends).any() else (float(low), float(high))


def tie(ratio: float, own: tuple[float, float], other: tuple[float, float]) -> bool | None:
    """Whether a mean ratio lies within the band of either; None where a band is not known."""
    if numpy.isnan(ratio):
        return None
    if ratio * own[0] <= 1 <= ratio * own[1] or other[0] <= ratio <= other[1]:
        return True
    return None if numpy.isnan([*own, *other]).any() else False
