"""Results that mean harm, sealed anew: links and storage that lead out of the file, bombs, names and
texts for terminals and spreadsheets, random damage. None makes the program read another file, take
much memory or much time, or crashes. ROOFLAW_HOSTILE: how many randomly damaged ones (default 40),
ROOFLAW_TEST_SEED: which."""

import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
import unittest

import h5py
import numpy

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import JOB, PATIENCE, PROGRAM, ProgramTest, edit, processor_seconds, reseal

SECRET = b"secret-of-another-file"
MOST_BYTES = 256 << 20  # beyond the file's own
MOST_SECONDS = 60  # then it hangs: 10 s of a processor that others use, too
RANDOM = int(os.environ.get("ROOFLAW_HOSTILE", 40))
SEED = int(os.environ.get("ROOFLAW_TEST_SEED", 20261126))

GROUP = "frontiers/codesign-2026"


def external_link(file, target):
    del file[f"{target}/loss"]
    file[f"{target}/loss"] = h5py.ExternalLink("other.h5", "/loss")


def external_group(file, target):
    del file["inputs"]
    file["inputs"] = h5py.ExternalLink("other.h5", "/")


def soft_link(file, target):
    del file[f"{target}/loss"]
    file[f"{target}/loss"] = h5py.SoftLink("/targets/memory_budget_bytes")


def dangling_link(file, target):
    del file[f"{target}/loss"]
    file[f"{target}/loss"] = h5py.SoftLink("/nowhere")


def external_storage(file, target):
    rows = file[f"{target}/loss"].shape
    del file[f"{target}/loss"]
    file.create_dataset(f"{target}/loss", rows, "f8", external=[("secret.txt", 0, 8 * rows[0])])


def external_text(file, target):
    path = next(f"inputs/device/{name}" for name in file["inputs/device"])
    del file[path]
    file.create_dataset(path, (len(SECRET),), "S1", external=[("secret.txt", 0, len(SECRET))])


def virtual_dataset(file, target):
    rows = file[f"{target}/loss"].shape
    del file[f"{target}/loss"]
    layout = h5py.VirtualLayout(rows, "f8")
    layout[:] = h5py.VirtualSource("other.h5", "loss", rows)
    file.create_virtual_dataset(f"{target}/loss", layout)


def chunk_bomb(file, target):
    del file[f"{target}/loss"]
    file.create_dataset(f"{target}/loss", (1 << 34,), "f8", chunks=(1 << 20,), fillvalue=1.0)


def deflate_bomb(file, target):
    for name in file[target]:
        del file[f"{target}/{name}"]
        file.create_dataset(f"{target}/{name}", (1 << 24,), "f8", chunks=(1 << 20,), compression=9)
        file[f"{target}/{name}"][:] = 0.0
        break


def row_bomb(file, target):
    del file[f"{target}/loss"]
    file.create_dataset(f"{target}/loss", (1 << 40,), "f8")


def text_bomb(file, target):
    del file["targets/device"]
    cells = file.create_dataset("targets/device", (1 << 20,), h5py.string_dtype())
    cells[:1] = ["x" * (1 << 16)]
    share_first_text(file, cells)


def share_first_text(file, cells):
    """All cells name the one long text: 64 GiB of it. Behind the library's back."""
    path, start = pathlib.Path(file.filename), cells.id.get_offset()
    rows = len(cells)
    bytes_a_row = cells.id.get_storage_size() // rows
    file.close()
    data = bytearray(path.read_bytes())
    data[start:start + rows * bytes_a_row] = data[start:start + bytes_a_row] * rows
    path.write_bytes(data)


def many_dimensions(file, target):
    del file[f"{target}/loss"]
    file[f"{target}/loss"] = numpy.zeros((2,) * 16)


def group_in_itself(file, target):
    file[f"{GROUP}/again"] = file[GROUP]


def group_for_column(file, target):
    del file[f"{target}/loss"]
    file.create_group(f"{target}/loss")


def column_for_group(file, target):
    del file[target]
    file[target] = numpy.zeros(3)


def words_beyond(file, target):
    file[f"{target}/attention"][:] = 99


def negative_words(file, target):
    file[f"{target}/attention"][:] = -1


def no_meanings(file, target):
    file[f"{target}/attention"].attrs["flag_meanings"] = ""


def meanings_of_numbers(file, target):
    file[f"{target}/attention"].attrs["flag_meanings"] = 3.0


def compound_column(file, target):
    del file[f"{target}/loss"]
    file[f"{target}/loss"] = numpy.zeros(3, [("a", "f8"), ("b", "i4")])


def escape_in_attribute(file, target):
    file.attrs["git_commit"] = "\x1b]0;owned\x07\x1b[2J"
    file["runtime"].attrs["host"] = "\x1b[31m"


def escape_in_name(file, target):
    file["runtime"].attrs["\x1b[31m"] = 1.0


def later_controls(file, target):
    """Of 8 bits, and what turns the direction of writing."""
    file.attrs["git_commit"] = "\x9b31m \u202eevil"
    file["runtime"].attrs["\x9b31m\u2066"] = 1.0
    for name in ("id", "device", "device_confidence"):
        file[f"targets/{name}"][:] = "a\x9b31m\u202e\x1b[1m\x07"


def target_with_controls(file, target):
    file["targets/id"][:] = "a\u202e"
    for kind in ("frontiers", "frontiers_in_range", "sensitivity", "theory"):
        if f"{kind}/codesign-2026" in file:
            for name in list(file[f"{kind}/codesign-2026"]):
                file.move(f"{kind}/codesign-2026/{name}", f"{kind}/codesign-2026/a\u202e")


def target_that_breaks_a_header(file, target):
    file.move(target, f"{GROUP}/../../../etc")


def column_that_breaks_a_header(file, target):
    file[f"{target}/a,b\nc"] = file[f"{target}/loss"][:]


def formula(file, target):
    file["targets/device_confidence"][:] = "=cmd|' /C calc'!A0"


HOSTILE = [f for name, f in list(globals().items())
           if callable(f) and getattr(f, "__module__", None) == __name__ and f.__code__.co_varnames[:2] == ("file", "target")]


class Hostile(ProgramTest):
    def setUp(self):
        super().setUp()
        job = edit(JOB, {"targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-thor-t5000"]'})
        self.whole = self.search(job).path.read_bytes()
        self.write("secret.txt", SECRET * 1000)
        with h5py.File(self.folder / "other.h5", "w") as file:
            file["loss"] = numpy.frombuffer(SECRET[:8] * 1000, "f8")
            file["secret"] = SECRET
        with h5py.File(self.folder / "result.h5") as file:
            self.target = f"{GROUP}/{next(iter(file[GROUP]))}"

    def look(self, path):
        """Every command that reads results; what they print and write."""
        seen = b""
        for command in (["inspect", path], ["export", path, "-o", "csv"], ["merge", path, "-o", "merged.h5", "--force"],
                        ["inspect", path, "--unsealed"], ["compare", path, "--baseline", "jetson-agx-orin-64gb"],
                        ["search", "job.toml", "-o", path]):
            process = subprocess.Popen([PROGRAM, *map(str, command)], cwd=self.folder, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                out, _ = process.communicate(timeout=MOST_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                self.fail(f"{command} does not end")
            self.assertIn(process.returncode, (0, 2, 3), f"{command}\n{out.decode(errors='replace')}")
            self.assert_shows_itself(out, command)
            self.assertEqual([f for f in self.files() if ".claim" in f or ".tmp." in f], [], command)
            seen += out
            for table in self.folder.glob("csv/**/*.csv"):
                seen += table.read_bytes()
                self.assert_shows_itself(table.read_bytes(), table)
        return seen

    def assert_shows_itself(self, data, where):
        """Nothing for a terminal to obey."""
        bad = [c for c in data.decode() if unicodedata.category(c) == "Cc" and c not in "\n\r\t"
               or unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")]
        self.assertEqual(bad, [], where)

    def test_each(self):
        for change in HOSTILE:
            with self.subTest(change.__name__):
                path = self.write("hostile.h5", self.whole)
                try:
                    with h5py.File(path, "r+") as file:
                        change(file, self.target)
                except (OSError, ValueError, RuntimeError, TypeError) as error:
                    self.skipTest(f"h5py makes no such file: {error}")
                if path.stat().st_size > 64 << 20:
                    continue
                reseal(path)
                seen = self.look(path)
                self.assertNotIn(SECRET, seen)
                self.assertNotIn(repr(float(numpy.frombuffer(SECRET[:8], "f8")[0])).encode(), seen)
                for line in seen.splitlines():
                    self.assertFalse(line.startswith((b"=", b"@")) or b",=cmd" in line, line)
        self.assert_little_memory()

    def test_far_longer_than_it_says(self):
        """Sparse: nobody has room for it, or time."""
        for data in (self.whole, b"\x89HDF\r\n\x1a\n", self.whole[:100], b""):
            path = self.write("hostile.h5", data)
            os.truncate(path, 100 << 30)
            start = processor_seconds()
            with self.subTest(begins_with=len(data)):
                for command in (["inspect"], ["merge", "-o", "merged.h5"], ["export", "-o", "csv"]):
                    self.rooflaw(*command, "hostile.h5", expect=3)
                self.rooflaw("search", "job.toml", "-o", "hostile.h5", expect=3)
                # Behind the end that a file states there is nothing to be read.
                self.rooflaw("inspect", "hostile.h5", "--unsealed", expect=0 if data == self.whole else 3)
                self.assertLess(processor_seconds() - start, 60, "nothing of 100 GiB is read")
            path.unlink()
        self.assert_little_memory()

    def assert_little_memory(self):
        """Of all children so far, with the file in memory once. GiB that are asked for by a size that is damaged
        would be here."""
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        self.assertLess(peak, MOST_BYTES + (64 << 20))

    def damaged(self, changes):
        """The result with other bytes at some places, sealed anew."""
        data = bytearray(self.whole[:self.whole.rindex(b"rooflaw-result sha256 ")])
        for at, value in changes:
            data[at:at + len(value)] = value
        path = self.write("hostile.h5", bytes(data))
        reseal(path)
        return path

    def test_random_damage(self):
        rng = random.Random(SEED)
        for number in range(RANDOM):
            # Where libhdf5 finds its way is at the start and between columns.
            end = rng.choice((2048, len(self.whole) - 100))
            changes = []
            for _ in range(rng.choice((1, 1, 3, 20))):
                length = rng.choice((1, 1, 2, 8))
                changes.append((rng.randrange(8, end),
                                rng.choice((rng.randbytes(length), b"\xff" * length, bytes(length)))))
            with self.subTest(seed=SEED, number=number, changes=changes):
                self.look(self.damaged(changes))
        self.assert_little_memory()

    def test_a_crash_is_a_message(self):
        """Looked for, since layouts change."""
        rng = random.Random(SEED)
        before = sorted([*self.files(), "hostile.h5"])
        for command in (["inspect", "hostile.h5"], ["merge", "hostile.h5", "-o", "merged.h5"],
                        ["export", "hostile.h5", "-o", "csv"]):
            with self.subTest(command=command):
                for _ in range(150):
                    self.damaged([(rng.randrange(8, 2048), b"\xff")])
                    run = self.rooflaw(*command, expect=None)
                    if "crashed" in run.err:
                        break
                    shutil.rmtree(self.folder / "csv", ignore_errors=True)
                    (self.folder / "merged.h5").unlink(missing_ok=True)
                else:
                    self.skipTest("this libhdf5 does not crash")
                self.assertEqual(run.code, 3, str(run))
                self.assertRegex(run.err, "hostile.h5.*: is damaged: libhdf5 could not read it")
                self.assertEqual(self.files(), before)


class Apart(ProgramTest):
    """The process that reads a result is one with the process that was started."""

    def stuck(self):
        """One that has more to say than a pipe takes, and its child."""
        self.search(JOB + "# long\n" * 20000)
        process = subprocess.Popen([PROGRAM, "inspect", "result.h5"], cwd=self.folder, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        for _ in range(20 * PATIENCE):
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            if children and "pipe" in pathlib.Path(f"/proc/{children[0]}/wchan").read_text():
                return process, int(children[0])
            time.sleep(0.05)
        self.fail("it does not wait for its reader")

    def ended(self, pid):
        for _ in range(20 * PATIENCE):
            try:
                if ") Z" in pathlib.Path(f"/proc/{pid}/stat").read_text():
                    return True
            except OSError:
                return True
            time.sleep(0.05)
        return False

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(number=number):
                process, child = self.stuck()
                process.send_signal(number)
                self.assertEqual(process.wait(10), -number)
                self.assertTrue(self.ended(child), "the child ends with it")

    def test_a_closed_pipe(self):
        process, _ = self.stuck()
        process.stdout.close()
        self.assertEqual(process.wait(10), -signal.SIGPIPE)

    def test_a_killed_child(self):
        process, child = self.stuck()
        os.kill(child, signal.SIGKILL)
        self.assertEqual(process.wait(10), -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
