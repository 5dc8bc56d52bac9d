"""--help and --version, of the program and of every command."""

import re
import sys
import unittest

sys.dont_write_bytecode = True
from support import ProgramTest


class Help(ProgramTest):
    def commands(self):
        """The commands that the program's own help names."""
        run = self.rooflaw("--help")
        self.assertEqual(run.err, "", str(run))
        return re.findall(r"^  ([a-z]+) ", run.out, re.MULTILINE)

    def test_help_of_the_program_lists_the_commands(self):
        commands = self.commands()
        for command in ("search", "evaluate", "inspect", "export", "merge"):
            self.assertIn(command, commands)
        self.assertEqual(len(commands), len(set(commands)))

    def test_help_of_every_command(self):
        for command in self.commands():
            for option in ("--help", "-h"):
                with self.subTest(command=command, option=option):
                    run = self.rooflaw(command, option)
                    self.assertEqual(run.err, "", str(run))
                    self.assertTrue(run.out.startswith(f"usage: rooflaw {command}"), str(run))
                    self.assertIn("--help", run.out, str(run))

    def test_help_names_the_options(self):
        for command, options in {"search": ("--output", "--set", "--dry-run"),
                                 "evaluate": ("--json", "--operators"),
                                 "advise": ("--tpot-budget",), "list": ("--json",),
                                 "compare": ("--baseline", "--at-model", "--csv"), "export": ("--output",), "merge": ("--output",)}.items():
            run = self.rooflaw(command, "--help")
            for option in options:
                self.assertIn(option, run.out, str(run))

    def test_synopsis_names_every_option(self):
        for command in self.commands():
            with self.subTest(command):
                usage, _, described = self.rooflaw(command, "--help").out.split("\n\n", 2)
                for short, long in re.findall(r"^  (?:(-\w) \[ )?(--[a-z-]+)", described, re.MULTILINE):
                    if long != "--help":
                        self.assertRegex(usage, rf"[ [|]({long}|{short or long})[] |]|{long}$", long)

    def test_what_is_missing_is_called_as_it_is_given(self):
        for arguments, missing in ((["search"], "JOB.toml"), (["inspect"], "RESULT.h5"), (["list"], "TABLE"),
                                   (["merge", "a.h5"], "--output"), (["export", "a.h5"], "--output")):
            with self.subTest(arguments):
                first, usage = self.rooflaw(*arguments, expect=2).err.splitlines()
                self.assertEqual(first, f"rooflaw: {missing} is missing")
                self.assertTrue(usage.startswith(f"usage: rooflaw {arguments[0]} "), usage)

    def test_help_wins_over_missing_arguments_and_touches_nothing(self):
        self.rooflaw("search", "none.toml", "--help")
        self.assertEqual(self.files(), [])

    def test_version_of_the_program_and_of_every_command(self):
        version = self.rooflaw("--version")
        self.assertEqual(version.err, "", str(version))
        self.assertRegex(version.out, r"^rooflaw \d+\.\d+\.\d+ \(.+\)\n$")
        for command in self.commands():
            with self.subTest(command=command):
                self.assertEqual(self.rooflaw(command, "--version").out, version.out)

    def test_every_command_has_an_example_that_begins_with_it(self):
        for command in self.commands():
            with self.subTest(command):
                self.assertRegex(self.rooflaw(command, "--help").out, rf"Example: .*rooflaw {command} ")

    def test_no_arguments_is_a_tour_of_commands_that_there_are(self):
        run = self.rooflaw()
        self.assertEqual(run.err, "")
        self.assertIn("rooflaw --help", run.out)
        named = set(re.findall(r"^  rooflaw ([a-z]+) ", run.out, re.MULTILINE))
        self.assertGreaterEqual(len(named), 4)
        self.assertLessEqual(named, set(self.commands()))
        self.assertLess(len(run.out.splitlines()), 24, "one screen")

    def test_an_unknown_command_suggests_the_nearest(self):
        self.assertIn('did you mean "search"', self.rooflaw("serach", expect=2).err)


if __name__ == "__main__":
    unittest.main()
