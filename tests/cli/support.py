"""What the tests that run the real program share: running it, writing jobs and cases, reading results."""

import csv
import hashlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import tomllib
import unittest

import h5py
import numpy

# Seconds after which what is waited for is held never to come: a busy machine may take long, and no test asks how long.
PATIENCE = 300

SOURCE = pathlib.Path(os.environ.get("ROOFLAW_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("ROOFLAW", str(SOURCE / "build/release/rooflaw"))
INPUTS = pathlib.Path(os.environ.get("ROOFLAW_INPUTS", SOURCE / "inputs"))
GOLDEN = json.loads((SOURCE / "tests/golden/golden.json").read_text())

# The columns of a frontier and their units, in the order of the file format.
FRONTIER_UNITS = {
    "objective": "", "latency_s": "s", "loss": "nat/token", "perplexity": "1", "prefill_s": "s", "decode_s": "s",
    "tpot_s": "s/token", "memory_bytes": "B", "params_total": "1", "params_active": "1",
    "layers": "1", "width": "1", "heads": "1", "head_dim": "1", "attention": "", "kv_heads": "1",
    "q_lora_rank": "1", "kv_lora_rank": "1", "qk_nope_head_dim": "1", "qk_rope_head_dim": "1",
    "v_head_dim": "1", "ffn": "", "expert_ffn": "1", "experts": "1", "top_k": "1",
    "shared_ffn": "1", "ffn_sparsity": "1", "ffn_ratio": "1", "activation_rate": "1", "index": "1",
    "extrapolated": "1", "prefill_compute_share": "1", "prefill_bandwidth_share": "1",
    "decode_compute_share": "1", "decode_bandwidth_share": "1", "energy_j": "J", "latency_low_s": "s", "latency_high_s": "s",
    "loss_low": "nat/token", "loss_high": "nat/token",
    **{f"loss_delta_{kind}{end}": "nat/token" for kind in ("ptq", "qat") for end in ("", "_low", "_high")}}

def entries(kind):
    """The entries of a table of the inputs folder, by id."""
    return {e["id"]: e for e in tomllib.loads((INPUTS / f"{kind}s.toml").read_text())[kind]}


# One chip, two depths: what a test starts from where the space does not matter.
JOB = """\
[job]
name = "small"
seed = 1
output = "result.h5"

[search]
strategy = "grid"

[space]
layers = [4, 8]
widths = [768, 1024]
head_dim = 64
kv_heads = [1, 4, "heads"]
expert_ffn_ratio = [0.5, 1]
experts = [1, 8]
top_k = [1, 2]
vocab = 151936
tied = true

[law]
id = "codesign-2026"

[targets]
devices = ["jetson-agx-orin-64gb"]
precisions = ["fp16"]
workloads = ["vla"]
latency = ["total"]
memory_budget = "capacity"

[engine]
causal = true

[refine]
enabled = false
"""

CASE = """\
[architecture]
layers = 24
width = 896
heads = 14
head_dim = 64
kv_heads = 2
expert_ffn = 4864
vocab = 151936

[precision]
id = "fp16"

[device]
id = "jetson-agx-orin-64gb"

[workload]
id = "vla"
"""


def edit(text, changes):
    """`text` with whole lines replaced (None: taken out): those of "table.key", or of a header "[table]"."""
    lines, table, left = [], "", set(changes)
    for line in text.splitlines():
        if line.startswith("["):
            table, name = line.strip("[]"), line
        else:
            name = f"{table}.{line.split('=')[0].strip()}"
        if name in changes:
            left.discard(name)
            line = changes[name]
        if line is not None:
            lines.append(line)
    if left:
        raise KeyError(f"the text has no {sorted(left)}")
    return "\n".join(lines) + "\n"


def reseal(path):
    """Puts a new seal behind a result that was edited: without it the program refuses the file."""
    contents = path.read_bytes()
    if (at := contents.rfind(b"rooflaw-result sha256 ", -88)) >= 0:
        contents = contents[:at]
    path.write_bytes(contents + f"rooflaw-result sha256 {hashlib.sha256(contents).hexdigest()}\n".encode())


def to_toml(tables):
    """A dict of dicts as TOML; every value on one line, tables in lists (the groups of an architecture) too."""
    def value(x):
        if isinstance(x, dict):
            return "{" + ", ".join(f'"{k}" = {value(v)}' for k, v in x.items()) + "}"
        if isinstance(x, list):
            return "[" + ", ".join(map(value, x)) + "]"
        return json.dumps(x) if isinstance(x, (str, bool)) else repr(x)
    return "\n".join(f"[{name}]\n" + "".join(f"{key} = {value(x)}\n" for key, x in table.items())
                     for name, table in tables.items())


def changed_id(entry, changes):
    """How an entry with changed fields is called: its id and the start of the hash of what it became."""
    document = json.dumps({**entry, **changes}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{entry['id']}+{hashlib.sha256(document.encode()).hexdigest()[:8]}"


def usable_memory(device):
    """Bytes that the system leaves of a device's memory: stated, or a share that depends on its kind."""
    if "usable_memory_bytes" in device:
        return device["usable_memory_bytes"]
    share = 0.95 if device.get("kind") in ("gpu", "accelerator") else 0.85
    return share * device["memory_bytes"] if "memory_bytes" in device else None


class Run:
    """A process that ended."""

    def __init__(self, command, completed):
        self.command = command
        self.code = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    def __str__(self):
        return (f"\n$ {' '.join(map(str, self.command))}\nexit code {self.code}"
                f"\n--- stdout\n{self.out}\n--- stderr\n{self.err}\n---")


def processor_seconds():
    """Of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class ProgramTest(unittest.TestCase):
    """A test in a temporary folder of its own, which is the working directory of what it runs."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rooflaw-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)
        return path

    def files(self):
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*"))

    def run_command(self, command, expect=0, folder=None, **options):
        """Runs a command; fails with all it printed if the exit code is not `expect`."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        completed = subprocess.run(
            list(map(str, command)), cwd=folder or self.folder, stdin=subprocess.DEVNULL,
            text=True, errors="replace", timeout=PATIENCE,
            env={**os.environ, "ROOFLAW_INPUTS": str(INPUTS)}, **options)
        run = Run(command, completed)
        if expect is not None:
            self.assertEqual(run.code, expect, f"exit code is not {expect}{run}")
        return run

    def rooflaw(self, *arguments, expect=0, **options):
        return self.run_command([PROGRAM, *arguments], expect, **options)

    def mpirun(self, ranks, *arguments, expect=0, **options):
        return self.run_command(["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", ranks,
                                 PROGRAM, *arguments], expect, **options)

    def search(self, job, *arguments, name="job.toml", result=None, **options):
        """Runs a job, whatever job there was before; returns the contents of its result."""
        self.write(name, job)
        result = result or tomllib.loads(job)["job"]["output"]
        (self.folder / result).unlink(missing_ok=True)
        self.rooflaw("search", name, *arguments, **options)
        return Result(self.folder / result)

    def force(self, result):
        """The option that replaces the result of another job, where there is one."""
        return ["--force"] if (self.folder / result).exists() else []

    def evaluate(self, case, name="case.toml"):
        """`rooflaw evaluate --json` of a case, text or tables."""
        self.write(name, case if isinstance(case, str) else to_toml(case))
        run = self.rooflaw("evaluate", name, "--json")
        self.assertEqual(run.err, "", f"a good case says nothing on stderr{run}")
        return json.loads(run.out)

    def assert_close(self, value, expected, where, tolerance=1e-10):
        """Numbers to a relative tolerance; everything else, and the shape, exactly."""
        if isinstance(expected, dict):
            self.assertIsInstance(value, dict, where)
            self.assertEqual(sorted(value), sorted(expected), f"{where}: keys")
            for key in expected:
                self.assert_close(value[key], expected[key], f"{where}.{key}", tolerance)
        elif isinstance(expected, list):
            self.assertIsInstance(value, list, where)
            self.assertEqual(len(value), len(expected), f"{where}: length")
            for i, (a, b) in enumerate(zip(value, expected)):
                self.assert_close(a, b, f"{where}[{i}]", tolerance)
        elif isinstance(expected, (bool, str, type(None))):
            self.assertEqual(value, expected, where)
        else:
            self.assertNotIsInstance(value, (bool, str, type(None)), where)
            error = abs(value - expected)
            self.assertLessEqual(error, tolerance * abs(expected),
                                 f"{where}: {value!r} instead of {expected!r}")


def words(column):
    """A column of words as texts, by CF's flag_values and flag_meanings."""
    meanings = dict(zip(column.attrs["flag_values"].tolist(), column.attrs["flag_meanings"].split(" ")))
    return numpy.array([meanings[value] for value in column[()].tolist()], dtype=str)


class Result:
    """A result file read into memory: datasets and attributes by path."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.datasets, self.attributes, self.groups = {}, {}, ["/"]
        with h5py.File(path) as file:
            self._keep_attributes("/", file)
            file.visititems(self._keep)

    # What ties columns to the scale of their group; see test_readers.
    TIES = {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "flag_values", "flag_meanings"}

    def _keep_attributes(self, path, node):
        for name in node.attrs:
            if name not in self.TIES:
                self.attributes[path, name] = node.attrs[name]

    def _keep(self, name, node):
        path = "/" + name
        if path.endswith("/point"):
            return
        self._keep_attributes(path, node)
        if isinstance(node, h5py.Dataset):
            self.datasets[path] = words(node) if "flag_meanings" in node.attrs else node[()]
        else:
            self.groups.append(path)

    def column(self, path):
        values = self.datasets[path]
        return values.astype(str) if values.dtype.kind == "O" else values

    def attribute(self, path, name):
        return self.attributes[path, name]

    def targets(self):
        """The rows of /targets as dicts."""
        names = [p.rpartition("/")[2] for p in self.datasets if p.startswith("/targets/")]
        columns = {name: self.column(f"/targets/{name}") for name in names}
        return [{name: columns[name][i] for name in names} for i in range(len(columns["id"]))]

    def group(self, target, law="codesign-2026"):
        return f"/frontiers/{law}/{target if isinstance(target, str) else target['id']}"

    def frontier(self, target, law="codesign-2026"):
        """The columns of a target's frontier."""
        prefix = self.group(target, law) + "/"
        return {p[len(prefix):]: self.column(p) for p in self.datasets
                if p.startswith(prefix)}

    def differences(self, other):
        """What differs between two results outside /runtime, as text; empty if nothing does."""
        found = []
        for what, mine, theirs in (("dataset", self.datasets, other.datasets),
                                   ("attribute", self.attributes, other.attributes)):
            keep = lambda d: {k: v for k, v in d.items()
                              if not str(k if what == "dataset" else k[0]).startswith("/runtime")}
            mine, theirs = keep(mine), keep(theirs)
            found += [f"{what} {k} is in one only" for k in mine.keys() ^ theirs.keys()]
            found += [f"{what} {k}: {mine[k]!r} and {theirs[k]!r}" for k in mine.keys() & theirs.keys()
                      if _bytes(mine[k]) != _bytes(theirs[k])]
        if sorted(self.groups) != sorted(other.groups):
            found.append(f"groups: {self.groups} and {other.groups}")
        return "\n".join(found)


def _bytes(value):
    """Type, shape and bytes: NaN equals itself, 0 and -0 differ."""
    if isinstance(value, (bytes, str)):
        return value
    array = numpy.asarray(value)
    if array.dtype.kind == "O":
        return (array.shape, [str(x) for x in array.ravel()])
    return (str(array.dtype), array.shape, array.tobytes())


def objective(frontier):
    """What a target asks for, of every row: seconds, or joules."""
    return frontier["objective"] if "objective" in frontier else frontier["latency_s"]


def hypervolume(latency, loss, reference_latency, reference_loss):
    """Area dominated in (log10 latency, loss) up to the reference, from the definition: slices between
    neighbouring latencies, each as high as the best loss reached so far."""
    latency, loss = numpy.asarray(latency), numpy.asarray(loss)
    inside = (latency < reference_latency) & (loss < reference_loss)
    order = numpy.argsort(latency[inside], kind="stable")
    x = numpy.append(numpy.log10(latency[inside][order]), numpy.log10(reference_latency))
    best = numpy.minimum.accumulate(loss[inside][order])
    return float(numpy.sum(numpy.diff(x) * (reference_loss - best)))


def read_csv(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


def row_case(frontier, i, job, target):
    """The CASE that evaluates row i of a frontier once more."""
    architecture = {key: frontier[key][i].item() for key in (
        "layers", "width", "heads", "expert_ffn", "experts", "top_k", "shared_ffn", "ffn_sparsity",
        "attention", "ffn")}
    keys = (("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
            if architecture["attention"] == "mla" else ("head_dim", "kv_heads"))
    architecture |= {key: frontier[key][i].item() for key in keys}
    space = job["space"]
    if "window" in space:
        every, depth = space["window"]["global_every"], architecture.pop("layers")
        architecture["group"] = [
            {"layers": depth // every, "window": 0},
            {"layers": depth - depth // every, "window": space["window"]["tokens"]}]
        architecture["group"] = [g for g in architecture["group"] if g["layers"]]
    architecture |= {"vocab": space["vocab"], "tied": space.get("tied", True)}
    case = {"architecture": architecture}
    case |= {key: {"id": str(target[key])} for key in ("precision", "device", "workload")}
    if job.get("engine"):
        case["engine"] = job["engine"]
    return case
