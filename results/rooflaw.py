"""Results of rooflaw in Python: load, frontier, best, compare, plot. Needs h5py, numpy and pandas; plot matplotlib.

    import rooflaw
    result = rooflaw.load("results/quick.h5")
    rooflaw.best(result, {"total": "100ms"})

Times are in the objective's unit (s, s/token, J), losses in nats per token; README.md beside this file says what
each column is. A frontier is the staircase of what can be built: nothing is interpolated.
"""
from __future__ import annotations

import hashlib
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy
import pandas

import rooflaw_staircase as staircase

FORMAT = 2  # the first number of format_version
SEAL = b"rooflaw-result sha256 "
PARTS = ("device", "precision", "workload", "latency", "budget")  # what tells the targets of a law apart
SECONDS = {"": 1.0, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class ResultError(ValueError):
    """The file is no result that this module reads."""


@dataclass(frozen=True)
class Result:
    """What load() read.

    targets: a row a target, `id` the index: columns of /targets, and `budget`, the memory budget in the job's words
    tables: of each kind ("frontiers", "frontiers_in_range", ...) the table of a (law, target)
    attributes: those of each table, by (kind, law, target): certified, hypervolume, rank_correlation, ...
    provenance: attributes of the file: program_version, git_commit, command_line, job_toml, seed, ...
    """

    path: Path
    targets: pandas.DataFrame
    tables: dict[str, dict[tuple[str, str], pandas.DataFrame]]
    attributes: dict[tuple[str, str, str], dict[str, object]]
    provenance: dict[str, object]

    @property
    def frontiers(self) -> dict[tuple[str, str], pandas.DataFrame]:
        return self.tables["frontiers"]

    @property
    def laws(self) -> list[str]:
        return list(dict.fromkeys(law for law, _ in self.frontiers))


class Comparison(NamedTuple):
    """devices: a row a device and group, with the time ratio at equal loss; best: a row a device and time."""

    devices: pandas.DataFrame
    best: pandas.DataFrame


def load(path: str | Path, also: Iterable[str] = (), *, unsealed: bool = False) -> Result:
    """Reads a result's frontiers, and `also` other tables: "refined", "sensitivity", "theory", "opinions", ...

    Raises ResultError if it is no result of this format, or changed since it was written (`unsealed` reads it all the
    same), OSError if it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as bytes_:
        if not unsealed and not _is_sealed(bytes_):
            raise ResultError(f"{path}: is no result of rooflaw, or was cut, damaged or changed since it was written "
                              "(rooflaw inspect tells; unsealed=True reads it all the same)")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ResultError(f"{path}: is no HDF5 file, or damaged: {error}") from None
    with file:
        _require_format(path, file)
        if "frontiers" not in file:
            raise ResultError(f"{path}: has no frontiers; of a portfolio, rooflaw portfolio --json has the numbers")
        provenance = _attributes(file)
        targets = _table(file["targets"]).set_index("id")
        default = str(tomllib.loads(provenance["job_toml"])["targets"].get("memory_budget", "usable"))
        names = targets[list(PARTS[:4])].agg(".".join, axis=1)
        targets["budget"] = [target[len(name) + 1:] or default for target, name in zip(targets.index, names)]
        read, attributes = {kind: {} for kind in ("frontiers", "frontiers_in_range", *also)}, {}
        for kind, tables in read.items():
            for law, of_law in file.get(kind, {}).items():
                for target in (id_ for id_ in targets.index if id_ in of_law):
                    tables[law, target] = _table(of_law[target])
                    attributes[kind, law, target] = _attributes(of_law[target])
    return Result(path, targets, read, attributes, provenance)


def frontier(result: Result, target: str | None = None, *, in_range: bool = False, **which) -> pandas.DataFrame:
    """The frontier points of all targets that `which` leaves, with the parts of the target in front of the columns.

    which: law, device, precision, workload, latency, budget, each a word or a list of words. in_range: points where
    the law does not extrapolate; the proven frontier of these where the file has it, else those on the other frontier.
    """
    parts = []
    for law, id_ in _chosen(result, target, which):
        points = _points(result, law, id_, in_range)[0].copy()
        for place, (name, value) in enumerate(_names(result, law, id_).items()):
            points.insert(place, name, value)
        parts.append(points)
    return pandas.concat(parts, ignore_index=True)


def best(result: Result, budgets: Mapping[str, object] | None = None, *, target: str | None = None,
         in_range: bool = False, **which) -> pandas.DataFrame:
    """The architecture of lowest loss within each budget: a row a target and budget, empty where nothing is as fast.

    budgets: {"total": 0.1}, {"total": ["50ms", 0.1], "tpot": "20ms"}; of a target of another latency nothing is
    asked. None: four round times of each device, as `rooflaw best` takes them where there is no limit; limits of job and
    workload are in the frontiers, so that the last row is the best within these. in_range, which: as in frontier().
    `certified` says whether that is proven to be the best of the space.
    """
    chosen = _chosen(result, target, which)
    asked = _asked(result, chosen, budgets)
    rows = []
    for law, id_ in chosen:
        points, certified = _points(result, law, id_, in_range)
        times = asked.get(result.targets.at[id_, "latency"], []) if asked else staircase.round_ladder(
            [other for (of, other_id), other in result.frontiers.items() if of == law and all(
                result.targets.at[other_id, part] == result.targets.at[id_, part] for part in PARTS if part != "precision")], 4)
        for within in times:
            rows.append({**_names(result, law, id_), "within": within, "certified": certified,
                         **_row(points, staircase.best_within(points, within))})
    return _frame(rows)


def compare(result: Result, baseline: str, budgets: Mapping[str, object] | None = None, **which) -> Comparison:
    """Devices side by side, as `rooflaw compare` defines it: the best loss of each within the baseline's times (five of
    them, or `budgets`), and the time ratio at equal loss. Where there are several precisions, precision "*" is all of
    them joined. A group that the baseline lacks is left out, with a warning.
    """
    chosen = _chosen(result, None, which)
    names = pandas.DataFrame([_names(result, *key) for key in chosen])
    devices = sorted(names.device.unique(), key=lambda device: device != baseline)
    if baseline not in devices or len(devices) < 2:
        raise ValueError(f"{baseline}: compare needs it and another among the devices, {', '.join(devices)}")
    asked, precisions = _asked(result, chosen, budgets), names.precision.unique()
    summary, rows = [], []
    for kind, alike in names.groupby(["law", "workload", "latency", "budget"], sort=False):
        for precision in [*(["*"] if len(precisions) > 1 else []), *precisions]:
            group = dict(zip(("law", "workload", "latency", "budget", "precision"), (*kind, precision)))
            of = alike if precision == "*" else alike[alike.precision == precision]
            if len(of) and baseline not in of.device.values:
                warnings.warn(f"{baseline} has no target of {group}: the others' are not compared")
            if baseline not in of.device.values:
                continue
            own = {device: [(t.precision, result.frontiers[t.law, t.target]) for t in of[of.device == device].itertuples()]
                   for device in devices}
            joined = {device: staircase.joined(parts) for device, parts in own.items() if parts}
            bands = {device: staircase.band([points for _, points in own[device]]) for device in joined}
            times = asked.get(group["latency"]) or staircase.ladder(joined[baseline], 5)
            for device, points in joined.items():
                ratio = staircase.ratio(points, joined[baseline])
                tie = None if device == baseline else staircase.tie(ratio["ratio"], bands[device], bands[baseline])
                summary.append({**group, "device": device, "points": len(points), **ratio, "tie": tie,
                                "band_low": bands[device][0], "band_high": bands[device][1]})
                rows += [{**group, "device": device, "within": within,
                          **_row(points, staircase.best_within(points, within))} for within in times]
    return Comparison(_frame(summary), _frame(rows))


def plot(result: Result, out: str | Path | None = None, *, budgets: Mapping[str, object] | None = None,
         latency: str = "total", y: str = "loss", in_range: bool = False, bands: bool = False, **which):
    """Draws the frontiers of one latency, `y` ("loss", "perplexity") against the time; returns matplotlib's figure.

    A colour a device, a stroke a precision, the legend outside; budgets as vertical lines; dots where the law does not
    extrapolate; bands: nine of ten measured times. Written to `out`, as its ending says, if given.
    """
    from rooflaw_drawing import draw

    chosen = _chosen(result, None, {**which, "latency": latency})
    curves = [(_names(result, *key), _points(result, *key, in_range)[0]) for key in chosen]
    return draw(curves, out, latency=latency, unit=result.targets.at[chosen[0][1], "objective_unit"], y=y, bands=bands,
                budgets=_asked(result, chosen, budgets).get(latency, []))


def _is_sealed(file) -> bool:
    """Whether the last line is the SHA-256 of every byte before it."""
    length = len(SEAL) + 65
    size = file.seek(0, 2)
    if size < length:
        return False
    digest = hashlib.sha256()
    file.seek(0)
    left = size - length
    while left:
        left -= len(block := file.read(min(left, 1 << 20)))
        digest.update(block)
    return file.read() == SEAL + digest.hexdigest().encode() + b"\n"


def _require_format(path: Path, file: h5py.File) -> None:
    if file.attrs.get("filetype") != "rooflaw-result":
        raise ResultError(f"{path}: is HDF5, but no result of rooflaw")
    version = [int(number) for number in file.attrs["format_version"]]
    if version[0] != FORMAT:
        raise ResultError(f"{path}: is of format {version[0]}.{version[1]}, and this module reads {FORMAT}.x: "
                          "use the rooflaw.py of the program that wrote it")


def _attributes(group: h5py.Group) -> dict[str, object]:
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in group.attrs.items()}


def _table(group: h5py.Group) -> pandas.DataFrame:
    columns = {}
    for name, column in group.items():
        if name == "point":  # the number of the row
            continue
        if "flag_meanings" in column.attrs:
            columns[name] = pandas.Categorical.from_codes(column[:], column.attrs["flag_meanings"].split())
        else:
            columns[name] = column.asstr()[:] if column.dtype.kind == "O" else column[:]
    return pandas.DataFrame(columns)


def _chosen(result: Result, target: str | None, which: Mapping[str, object]) -> list[tuple[str, str]]:
    """The (law, target) that are asked for; at least one."""
    which = {name: [value] if isinstance(value, str) else list(value) for name, value in which.items()
             if value is not None}
    if unknown := which.keys() - {"law", *PARTS}:
        raise TypeError(f"no such filter: {', '.join(sorted(unknown))}; there are law, {', '.join(PARTS)}")
    known = {"law": result.laws, **{part: result.targets[part].tolist() for part in PARTS}}
    for name, values in which.items():
        if unknown := set(values) - set(known[name]):
            raise ValueError(f"{result.path}: has no {name} {', '.join(sorted(unknown))}; "
                             f"it has {', '.join(dict.fromkeys(known[name]))}")
    found = [(law, id_) for law, id_ in result.frontiers if target in (None, id_) and all(
        _names(result, law, id_)[name] in values for name, values in which.items())]
    if not found:
        raise ValueError(f"{result.path}: has no target {target or 'of these: ' + str(which)}; "
                         f"it has {', '.join(result.targets.index)}")
    return found


def _names(result: Result, law: str, target: str) -> dict[str, str]:
    return {"law": law, "target": target, **result.targets.loc[target, list(PARTS)]}


def _points(result: Result, law: str, target: str, in_range: bool = False) -> tuple[pandas.DataFrame, bool]:
    """A frontier, and whether it is proven to be all of it."""
    kind = "frontiers_in_range" if in_range and (law, target) in result.tables["frontiers_in_range"] else "frontiers"
    points, certified = result.tables[kind][law, target], bool(result.attributes[kind, law, target]["certified"])
    if in_range and kind == "frontiers":
        points = points[points.extrapolated == 0].reset_index(drop=True)
    return points, certified


def _asked(result: Result, chosen: list[tuple[str, str]], budgets: Mapping[str, object] | None) -> dict[str, list[float]]:
    """Budgets by latency; none where none is given."""
    kinds = {result.targets.at[id_, "latency"] for _, id_ in chosen}
    if unknown := (budgets or {}).keys() - kinds:
        raise ValueError(f"no target of latency {', '.join(sorted(unknown))}; there are {', '.join(sorted(kinds))}")
    return {kind: _seconds(times) for kind, times in (budgets or {}).items()}


def _seconds(times: object) -> list[float]:
    """Budgets as numbers: 0.1, "100ms", or several."""
    if isinstance(times, str):
        parts = re.fullmatch(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([a-z]*)\s*", times)
        if parts is None or parts[2] not in SECONDS:
            raise ValueError(f"{times}: must be a time, 0.1 or 100ms; units are {', '.join(filter(None, SECONDS))}")
        times = float(parts[1]) * SECONDS[parts[2]]
    if isinstance(times, Iterable):
        return [time for several in times for time in _seconds(several)]
    if not 0 < times < float("inf"):
        raise ValueError(f"{times}: a budget must be above 0")
    return [float(times)]



def _row(points: pandas.DataFrame, row: int | None) -> dict[str, object]:
    return {name: None if row is None else points[name].iloc[row] for name in points}


def _frame(rows: list[dict]) -> pandas.DataFrame:
    """Whole numbers stay whole where a row has none."""
    frame = pandas.DataFrame(rows)
    for name in frame:
        if frame[name].dtype == float and (values := frame[name].dropna()).size < len(frame):
            if all(isinstance(row[name], (int, numpy.integer)) for row in rows if row[name] is not None):
                frame[name] = frame[name].astype("Int64")
    return frame
