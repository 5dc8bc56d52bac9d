"""A write that fails is an error message: the old file stays as it was, and nothing is left beside it.

The file size limit of the process stands in for a full disk (root ignores file permissions)."""

import os
import pathlib
import resource
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import CASE, JOB, PROGRAM, ProgramTest, Result, edit

OTHER = edit(JOB, {"space.layers": "layers = [12]"})


def limit(size):
    """For a process: no file may grow beyond `size` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Search(ProgramTest):
    def setUp(self):
        super().setUp()
        self.search(JOB)
        self.old = (self.folder / "result.h5").read_bytes()
        self.write("job.toml", OTHER)
        self.rooflaw("search", "job.toml", "-o", "new.h5")
        self.needed = (self.folder / "new.h5").stat().st_size
        (self.folder / "new.h5").unlink()

    def limits(self):
        """From nothing at all to a page too few (times and dates make sizes differ by some bytes)."""
        return (0, 1, 4096, self.needed // 2, self.needed - 4096)

    def test_the_limit_is_what_makes_it_fail(self):
        self.rooflaw("search", "job.toml", "--force", preexec_fn=limit(10 * self.needed))
        self.assertNotEqual((self.folder / "result.h5").read_bytes(), self.old)

    def test_the_previous_result_stays(self):
        for size in self.limits():
            with self.subTest(limit=size):
                run = self.rooflaw("search", "job.toml", "--force", expect=3, preexec_fn=limit(size))
                self.assertIn("result.h5", run.err, f"the message names the file{run}")
                self.assertNotIn("result: ", run.out, f"no result is claimed{run}")
                self.assertEqual((self.folder / "result.h5").read_bytes(), self.old,
                                 "the previous result is the same bytes")
                self.assertEqual(self.files(), ["job.toml", "result.h5"], "no temporary file is left")

    def test_no_result_where_there_was_none(self):
        for size in self.limits():
            with self.subTest(limit=size):
                self.rooflaw("search", "job.toml", "-o", "new.h5", expect=3, preexec_fn=limit(size))
                self.assertEqual(self.files(), ["job.toml", "result.h5"])

    def test_a_later_run_succeeds(self):
        self.rooflaw("search", "job.toml", "--force", expect=3, preexec_fn=limit(4096))
        self.rooflaw("search", "job.toml", "--force")
        result = Result(self.folder / "result.h5")
        self.assertEqual(set(result.frontier(result.targets()[0])["layers"]), {12})

    def test_refused_input_leaves_the_previous_result(self):
        self.rooflaw("search", "job.toml", "--set", "space.layers=[]", expect=2)
        self.assertEqual((self.folder / "result.h5").read_bytes(), self.old)

    def test_no_device_or_pipe_is_replaced(self):
        os.mkfifo(self.folder / "pipe")
        for arguments in (["search", "job.toml", "-o", "pipe"], ["search", "job.toml", "-o", "link"]):
            with self.subTest(arguments=arguments):
                (self.folder / "link").unlink(missing_ok=True)
                (self.folder / "link").symlink_to("pipe")
                run = self.rooflaw(*arguments, expect=3)
                self.assertIn(arguments[-1], run.err, str(run))
                self.assertTrue((self.folder / "pipe").is_fifo(), "the pipe is still a pipe")
                self.assertEqual(self.files(), ["job.toml", "link", "pipe", "result.h5"])


class Export(ProgramTest):
    def setUp(self):
        super().setUp()
        self.search(JOB)
        self.rooflaw("export", "result.h5", "-o", "csv")
        self.search(OTHER)
        self.old = {f: (self.folder / f).read_bytes() for f in self.files() if f.endswith(".csv")}

    def test_no_table_is_ever_broken(self):
        self.rooflaw("export", "result.h5", "-o", "new")
        new = {f"csv{f[3:]}": (self.folder / f).read_bytes() for f in self.files()
               if f.startswith("new/") and f.endswith(".csv")}
        self.assertEqual(self.old.keys(), new.keys())
        self.assertNotEqual(self.old, new)
        before = self.files()
        largest = max(map(len, new.values()))
        for size in (0, 1, 100, largest // 2, largest - 1):
            with self.subTest(limit=size):
                run = self.rooflaw("export", "result.h5", "-o", "csv", expect=3, preexec_fn=limit(size))
                self.assertRegex(run.err, r"\.csv|export\.claim", f"the message names the file{run}")
                self.assertEqual(self.files(), before, "no temporary file is left")
                for name, old in self.old.items():
                    expected = [old] if len(new[name]) > size else [old, new[name]]
                    self.assertIn((self.folder / name).read_bytes(), expected,
                                  f"{name} is whole, and the old one if the new one does not fit")

    def test_tables_are_synced_together(self):
        """A sync for each of thousands would take minutes."""
        tried = self.run_command(["strace", "-o", "trace", "true"], expect=None)
        if tried.code != 0:
            self.skipTest(f"the kernel forbids strace{tried}")
        self.run_command(["strace", "-f", "-e", "trace=fsync,fdatasync,syncfs,sync", "-o", "trace", PROGRAM,
                          "export", "result.h5", "-o", "csv"])
        lines = (self.folder / "trace").read_text().splitlines()
        syncs = [line for line in lines if "sync" in line and "= 0" in line]
        folders = {str(pathlib.Path(name).parent) for name in self.old}
        self.assertEqual(sum("syncfs" in line for line in syncs), 1, syncs)
        self.assertEqual(len(syncs), 1 + len(folders), "one for all files, one for each folder")

    def test_folder_that_is_a_file(self):
        before = (self.folder / "result.h5").read_bytes()
        for target in ("result.h5", "result.h5/csv", "job.toml"):
            with self.subTest(target=target):
                run = self.rooflaw("export", "result.h5", "-o", target, expect=3)
                self.assertIn(target, run.err, str(run))
        self.assertEqual((self.folder / "result.h5").read_bytes(), before)


class Stdout(ProgramTest):
    """What cannot be printed is exit code 3, however it fails."""

    def setUp(self):
        super().setUp()
        self.write("case.toml", CASE)
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml", "-o", "old.h5")
        self.rooflaw("search", "job.toml", "-o", "other.h5", "--set",
                     'targets.devices=["jetson-thor-t5000"]')

    COMMANDS = (["evaluate", "case.toml"], ["evaluate", "case.toml", "--json"],
                ["evaluate", "case.toml", "--operators"], ["search", "job.toml", "--dry-run"],
                ["search", "job.toml"], ["inspect", "old.h5"], ["export", "old.h5", "-o", "csv"],
                ["merge", "old.h5", "other.h5", "-o", "both.h5"], ["--help"], ["--version"], ["search", "--help"])

    def test_full(self):
        for command in self.COMMANDS:
            with self.subTest(command=command), open("/dev/full", "w") as full:
                run = self.rooflaw(*command, expect=3, stdout=full)
                self.assertTrue(run.err.strip(), f"there is a message{run}")

    def test_closed(self):
        for command in self.COMMANDS:
            with self.subTest(command=command):
                run = self.run_command(["/bin/sh", "-c", 'exec "$@" >&-', "sh", PROGRAM, *command], expect=3)
                self.assertTrue(run.err.strip(), f"there is a message{run}")

    def test_the_result_is_written_all_the_same(self):
        whole = Result(self.folder / "old.h5")
        for number, redirect in enumerate((">/dev/full", ">&-", ">&- 2>&-", ">&- 2>&- <&-", "2>&-")):
            with self.subTest(redirect=redirect):
                name = f"new{number}.h5"
                run = self.run_command(["/bin/sh", "-c", f'exec "$@" {redirect}', "sh", PROGRAM, "search",
                                        "job.toml", "-o", name], expect=3 if ">&-" in redirect[:3] or
                                       "full" in redirect else 0)
                differences = [line for line in Result(self.folder / name).differences(whole).splitlines()
                               if "command_line" not in line]
                self.assertEqual(differences, [], str(run))


if __name__ == "__main__":
    unittest.main()
