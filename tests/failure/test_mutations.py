"""Checkpoints and results with mistakes in them, made at random: each is refused by name or stood in for by
the checkpoint before it. None crashes the program, makes it hang or gives another result; the program built
with sanitizers finds nothing either."""

import functools
import hashlib
import math
import os
import random
import resource
import struct
import subprocess
import unittest

from studies import STUDIES, Result, StudyTest, edit
from support import INPUTS, JOB, PATIENCE, PROGRAM, SOURCE

SEED = int(os.environ.get("ROOFLAW_TEST_SEED", "20261122"))
SANITIZED = SOURCE / "build/fuzz/rooflaw"
STUDY = edit(STUDIES["plas"], {"search.max_evaluations": "max_evaluations = 600",
                               "refine.max_evaluations": "max_evaluations = 40"})
# A checkpoint of some kilobytes is refused, or used, within this.
LITTLE_MEMORY = functools.partial(resource.setrlimit, resource.RLIMIT_AS, (1 << 30, 1 << 30))
LAST, PREVIOUS = "result.h5.checkpoint", "result.h5.checkpoint.previous"


def encode(value):
    """CBOR of what a checkpoint is made of."""
    def head(major, number):
        return struct.pack(">BQ", major << 5 | 27, number)
    if isinstance(value, (bytes, str)):
        data = value if isinstance(value, bytes) else value.encode()
        return head(2 if isinstance(value, bytes) else 3, len(data)) + data
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(encode(x) for item in value.items() for x in item)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return b"\xf6" if value is None else struct.pack(">Bd", 0xfb, value) if isinstance(value, float) \
        else head(0, value)


def decode(data, at=0):
    """One value of texts, bytes and maps of them, and where it ends."""
    major, number, at = data[at] >> 5, data[at] & 31, at + 1
    if number >= 24:
        width = 1 << number - 24
        number, at = int.from_bytes(data[at:at + width], "big"), at + width
    if major in (2, 3):
        text = data[at:at + number]
        return (text if major == 2 else text.decode()), at + number
    if major != 5:
        raise ValueError(f"major type {major}")
    found = {}
    for _ in range(number):
        key, at = decode(data, at)
        found[key], at = decode(data, at)
    return found, at


def seal(body, head=b"rooflaw-checkpoint 2"):
    return b"%s %s %d\n%s" % (head, hashlib.sha256(body).hexdigest().encode(), len(body), body)


def flip(rng, data):
    data = bytearray(data)
    for bit in rng.sample(range(8 * len(data)), rng.randint(1, 8)):
        data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def insert(rng, data):
    at = rng.randint(0, len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 64)) + data[at:]


def cut(rng, data):
    return data[:rng.randrange(len(data))]


def checkpoint_mutations(rng, whole):
    """Ten kinds in turn, without end: what was done, and the file."""
    body = whole.partition(b"\n")[2]
    parts = decode(body)[0]
    others = [None, 7, 0.5, "text", b"bytes", [], {}, {"a": 1}, [["a"]]]

    def other_type(rng):
        key = rng.choice(list(parts))
        return {**parts, key: rng.choice([x for x in others if type(x) is not type(parts[key])])}

    def less(rng):
        return {key: parts[key] for key in rng.sample(list(parts), rng.randrange(len(parts)))}

    kinds = {
        "cut": lambda: cut(rng, whole),
        "flipped": lambda: flip(rng, whole),
        "inserted": lambda: insert(rng, whole),
        "magic": lambda: seal(body, rng.choice([b"rooflaw-result 2", b"Rooflaw-checkpoint 2", b" 2", b"\x89HDF 2"])),
        "version": lambda: seal(body, b"rooflaw-checkpoint " + rng.choice(
            [b"0", b"1", b"-1", b"10", b"x", b"", b"1.0", b"99999999999999999999999"])),
        "job": lambda: seal(encode({**parts, "job": {**parts["job"], "job.seed": str(rng.randint(6, 99))}})),
        "garbage": lambda: seal(rng.randbytes(rng.choice([0, 1, 2, 100, 10000]))),
        "less": lambda: seal(encode(less(rng))),
        "type": lambda: seal(encode(other_type(rng))),
        "state": lambda: seal(encode({**parts, "state": cut(rng, parts["state"])})),
    }
    while True:
        for kind, make in kinds.items():
            yield kind, make()


class MutationTest(StudyTest):
    def attempt(self, program, *arguments):
        """Runs the program as long as it may take; a crash and a sanitizer's report are failures."""
        try:
            done = subprocess.run([program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, errors="replace", timeout=PATIENCE,
                                  preexec_fn=None if program == SANITIZED else LITTLE_MEMORY,
                                  env={**os.environ, "ROOFLAW_INPUTS": str(INPUTS)})
        except subprocess.TimeoutExpired as expired:
            self.fail(f"did not end\n{expired.stderr}")
        self.assertGreaterEqual(done.returncode, 0, f"crashed\n{done.stderr}")
        for report in ("Sanitizer", "runtime error:"):
            self.assertNotIn(report, done.stderr)
        return done

    def sanitized(self):
        if not SANITIZED.exists():
            self.skipTest(f"{SANITIZED} is not built: cmake --build --preset fuzz")
        return SANITIZED


class Checkpoints(MutationTest):
    def prepare(self, program):
        """The datasets to end with, a checkpoint and the one before it."""
        self.write("job.toml", STUDY)
        self.assertEqual(self.attempt(program, "search", "job.toml").returncode, 0)
        self.reference = Result(self.folder / "result.h5")
        (self.folder / "result.h5").unlink()
        # The stop makes the second of them; a fast machine may be through before it reaches it: then once more.
        for _ in range(100):
            code, _, err = self.stop_when_there(LAST, program=program)
            if code == 10 and (self.folder / PREVIOUS).exists():
                break
            self.assertIn(code, (0, 10), err)
            for file in self.folder.glob("result.h5*"):
                file.unlink()
        self.assertTrue((self.folder / PREVIOUS).exists())
        return (self.folder / LAST).read_bytes(), (self.folder / PREVIOUS).read_bytes()

    def resume(self, program, data, previous, codes=(0, 3, 4)):
        (self.folder / "result.h5").unlink(missing_ok=True)
        self.write(LAST, data)
        self.write(PREVIOUS, previous)
        done = self.attempt(program, "search", "job.toml", "--resume")
        self.assertIn(done.returncode, codes, done.stderr)
        if done.returncode != 0:
            self.assertFalse((self.folder / "result.h5").exists())
            self.assertEqual((self.folder / LAST).read_bytes(), data, "what was refused stays as it was")
        return done

    def mutate(self, program, number, step=1):
        whole, previous = self.prepare(program)
        mutations = checkpoint_mutations(random.Random(SEED), whole)
        codes = {}
        for turn in range(number):
            kind, data = next(mutations)
            if turn % step != 0:
                continue
            with self.subTest(turn=turn, kind=kind, seed=SEED):
                done = self.resume(program, data, previous)
                codes.setdefault(kind, set()).add(done.returncode)
                said = [line for line in done.stderr.splitlines() if "goes on from" not in line]
                self.assertIn(LAST, "\n".join(said), f"a message names what is wrong\n{done.stderr}")
                if done.returncode == 0:
                    self.assertNotIn(f"goes on from {LAST}\n", done.stderr, "what is not whole is not used")
                    self.assertEqual(self.differences(self.reference), [])
        return codes

    def test_a_hundred(self):
        codes = self.mutate(PROGRAM, 100)
        for kind in ("cut", "inserted", "garbage", "state"):
            self.assertTrue(codes.get(kind, {"none"}) <= {0, 3}, f"{kind}, {codes}: damage")
        self.assertEqual(codes["job"], {4}, "another study")

    def test_sanitized(self):
        self.mutate(self.sanitized(), 100, 7)

    def numbers(self, program, number):
        """Lengths and numbers in the state that cannot be, under a checksum that fits. Nothing but malice makes
        such a file; it is refused, the one before it stands in, or what was changed says nothing of the result.
        It costs no memory to speak of."""
        whole, previous = self.prepare(program)
        parts = decode(whole.partition(b"\n")[2])[0]
        rng = random.Random(SEED)
        refused = 0
        for turn in range(number):
            state = bytearray(parts["state"])
            # Most are 64-bit numbers; those at the head decide how the rest is read.
            at = rng.randrange(min(len(state), rng.choice([64, 1000, 1 << 30])) - 8)
            state[at:at + 8] = rng.choice([b"\xff" * 8, b"\0" * 8, struct.pack("<Q", 1 << 62),
                                           struct.pack("<Q", 1 << 31), struct.pack("<Q", 1 << 20),
                                           struct.pack("<q", -1 << 63), struct.pack("<d", math.nan)])
            with self.subTest(turn=turn, at=at, value=state[at:at + 8].hex(), seed=SEED):
                done = self.resume(program, seal(encode({**parts, "state": bytes(state)})), previous, (0,))
                refused += "is damaged" in done.stderr
        self.assertGreater(refused, number // 3)

    def test_numbers(self):
        self.numbers(PROGRAM, 40)

    def test_numbers_sanitized(self):
        self.numbers(self.sanitized(), 12)

    def test_no_state_of_this_study(self):
        """Forged in both files: exit code 4, and not for want of memory."""
        whole, _ = self.prepare(PROGRAM)
        parts = decode(whole.partition(b"\n")[2])[0]
        for forged in (b"", b"\xff" * 64, b"\1" + struct.pack("<Q", 1 << 40) + parts["state"][9:], b"\7" * 4000):
            with self.subTest(forged=forged[:16]):
                file = seal(encode({**parts, "state": forged}))
                done = self.resume(PROGRAM, file, file, (4,))
                self.assertIn("is damaged", done.stderr)
                self.assertIn("without --resume", done.stderr)


class Results(MutationTest):
    def mutate(self, program, step=1):
        self.write("job.toml", JOB)
        self.assertEqual(self.attempt(program, "search", "job.toml").returncode, 0)
        whole = (self.folder / "result.h5").read_bytes()
        self.assertEqual(self.attempt(program, "inspect", "result.h5").returncode, 0)
        rng = random.Random(SEED)

        def zeros(rng, data):
            """A block that was never written, somewhere that it is not zero already."""
            while True:
                at = rng.randrange(0, len(data), 512)
                if (new := data[:at] + b"\0" * len(data[at:at + 512]) + data[at + 512:]) != data:
                    return new

        for turn in range(100):
            make = (cut, flip, flip, insert, zeros)[turn % 5]
            data = make(rng, whole)
            if turn % step != 0:
                continue
            self.write("mutated.h5", data)
            for command in (["inspect", "mutated.h5"], ["export", "mutated.h5", "-o", "csv"]):
                with self.subTest(turn=turn, kind=make.__name__, command=command[0], seed=SEED):
                    done = self.attempt(program, *command)
                    self.assertEqual(done.returncode, 3, f"{done.stdout}\n{done.stderr}")
                    self.assertIn("mutated.h5", done.stderr)
                    self.assertEqual(self.files(), ["job.toml", "mutated.h5", "result.h5"], "nothing is exported")

    def test_a_hundred(self):
        self.mutate(PROGRAM)

    def test_sanitized(self):
        self.mutate(self.sanitized(), 3)


if __name__ == "__main__":
    unittest.main()
