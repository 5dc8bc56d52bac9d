"""What cmake --install brings, and that it needs nothing of the tree it was built in."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from trees import BUILD, PROGRAM, SOURCE, STRANGER, TreeTest, environment

CASE = ("--model", "qwen3-0.6b", "--device", "rk3588", "--precision", "w4a16", "--workload", "vla")


def hiding(command):
    """`command` where source tree and build tree are gone: empty folders are mounted over them."""
    hide = " && ".join(f"mount -t tmpfs none '{tree}'" for tree in dict.fromkeys((BUILD, SOURCE)))
    return ["unshare", "--mount", "sh", "-c", f'{hide} && cd / && exec "$@"', "-", *map(str, command)]


def can_hide():
    return os.getuid() == 0 and subprocess.run(hiding(["true"]), capture_output=True).returncode == 0


class Installed(TreeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = cls.folder / "prefix"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, stdout=subprocess.DEVNULL)
        cls.program = cls.prefix / "bin/rooflaw"
        cls.commands = subprocess.run([cls.program, "--help-as", "commands"], check=True, capture_output=True,
                                      text=True).stdout.split()

    def tracked(self, *folders):
        """The files of the project, without what a user has left among them."""
        if not (SOURCE / ".git").exists():
            self.skipTest("a tree without git does not tell whose its files are")
        return subprocess.run(["git", "-c", "safe.directory=*", "ls-files", *folders], cwd=SOURCE, check=True,
                              capture_output=True, text=True).stdout.split()

    @staticmethod
    def contents(folder):
        return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())

    def test_what_a_user_keeps_in_the_tree_stays_there(self):
        tree, build, prefix = (self.folder / name for name in ("kept", "kept-build", "kept-prefix"))
        for file in self.tracked():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / file, tree / file)
        for file in ("results/csv/frontiers.csv", "results/README.txt", "results/mine/README.md", "results/mine.py",
                     "jobs/slurm-17.out", "jobs/mine.toml", "jobs/night/a.toml", "inputs/mine.toml",
                     "inputs/laws/mine.toml", "slurm/slurm-18.out", "slurm/mine.sbatch", "tests/mine/README.md"):
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            (tree / file).write_text("mine\n")
        self.run_here("cmake", "-S", tree, "-B", build, "-G", "Ninja")
        for built in (PROGRAM, *BUILD.glob("*.a")):
            shutil.copy(built, build)
        shutil.copytree(BUILD / "help", build / "help")
        self.run_here("cmake", "--install", build, "--prefix", prefix)
        self.assertEqual(self.contents(prefix), self.contents(self.prefix))
        self.assertEqual([p for p in prefix.rglob("*") if p.is_dir() and not any(p.iterdir())], [])

    def test_files(self):
        share = self.prefix / "share"
        data = [f for f in self.tracked("inputs", "jobs", "results", "slurm")
                if not f.endswith((".md", ".png")) and f not in ("jobs/run.sh", "jobs/install.sh")]
        documents = [f for f in self.tracked() if f.endswith(".md") and not f.startswith(("tests/unit/", "tests/fuzz/corpus/"))]
        documents += ["LICENSE", "CITATION.cff", "results/frontier.png"]
        for folder, files in (("rooflaw", data), ("doc/rooflaw", documents)):
            for file in files:
                self.assertEqual((share / folder / file).read_bytes(), (SOURCE / file).read_bytes())
        self.assertEqual(self.contents(share / "rooflaw"), sorted(data))
        self.assertTrue(os.access(share / "rooflaw/slurm/array.sh", os.X_OK))
        pages = {f"rooflaw-{command}.1" for command in self.commands} | {"rooflaw.1"}
        self.assertEqual({page.name for page in (share / "man/man1").iterdir()}, pages)
        self.assertEqual([p for p in self.prefix.rglob("*") if p.is_dir() and not any(p.iterdir())], [])

    def test_links_between_documents(self):
        links = 0
        for file in self.prefix.rglob("*.md"):
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text()):
                links += 1
                self.assertTrue((file.parent / link).exists(), f"{file.relative_to(self.prefix)}: {link}")
        self.assertGreater(links, 12)

    def test_no_path_of_the_build(self):
        for file in self.prefix.rglob("*"):
            if file.is_file() and file.suffix != ".a":  # archives have names of sources, for debuggers
                self.assertNotIn(bytes(BUILD), file.read_bytes(), file)

    def test_its_own_inputs(self):
        """Neither those of the build tree nor of the source tree, which are there."""
        tables = self.prefix / "share/rooflaw/inputs/precisions.toml"
        text = tables.read_text()
        self.addCleanup(tables.write_text, text)
        tables.write_text(text.replace('id = "fp16"', 'id = "mine16"'))
        link = self.folder / "linked"
        link.symlink_to(self.program)
        for program, more in ((self.program, {}), (link, {}), (self.program, {"ROOFLAW_INPUTS": ""})):
            self.assertIn("mine16", self.run_here(program, "list", "precisions", cwd="/", **more))
        self.assertNotIn("mine16", self.run_here(self.program, "list", "precisions",
                                                 ROOFLAW_INPUTS=str(SOURCE / "inputs")))
        tables.parent.rename(self.folder / "away")
        self.addCleanup((self.folder / "away").rename, tables.parent)
        self.assertIn(f"{tables.parent}: no such folder",
                      self.run_here(self.program, "list", "precisions", expect=3))

    def test_moved(self):
        shutil.copytree(self.prefix, self.folder / "moved")
        self.assertIn("fp16", self.run_here(self.folder / "moved/bin/rooflaw", "list", "precisions", cwd="/"))

    @unittest.skipUnless(can_hide(), "this kernel or user may not mount")
    def test_without_the_trees_as_another_user(self):
        out = self.folder / "out"
        out.mkdir()
        out.chmod(0o777)
        self.run_here(*hiding(["test", "!", "-e", PROGRAM]))
        job = self.prefix / "share/rooflaw/jobs/quick.toml"
        for command in (["list", "devices"], ["evaluate", *CASE], ["search", job, "-o", out / "quick.h5"],
                        ["inspect", out / "quick.h5"]):
            self.run_here(*hiding([*STRANGER, self.program, *command]))

    @unittest.skipUnless(shutil.which("man"), "needs man-db")
    def test_manual_pages(self):
        for page in (self.prefix / "share/man/man1").iterdir():
            done = subprocess.run(["man", "--warnings", "-l", page], env=environment(MANWIDTH="80"),
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            self.assertIn("OPTIONS" if "-" in page.name else "EXIT STATUS", done.stdout)
        # All that --help says of search is there, whatever the lines.
        plain = lambda text: re.sub(r"\W+", " ", text)
        for command, purpose in re.findall(r"^  (\w+) .*?  (\w.*)$", self.run_here(self.program, "--help"), re.MULTILINE):
            page = (self.prefix / f"share/man/man1/rooflaw-{command}.1").read_text()
            self.assertIn(f"\n.SH NAME\nrooflaw\\-{command} \\- {purpose}\n", page)
        page = (self.prefix / "share/man/man1/rooflaw-search.1").read_text().replace("\\-", "-")
        for option in re.findall(r"--[a-z-]+", self.run_here(self.program, "search", "--help")):
            self.assertIn(option, page)
        self.assertIn("a checkpoint is written exit code 10", plain(page))

    def completed(self, *words):
        """What bash offers for the last of the words."""
        script = (f". '{self.prefix}/share/bash-completion/completions/rooflaw'; PATH='{self.program.parent}':$PATH; "
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rooflaw; printf "%s\\n" "${COMPREPLY[@]}"')
        return self.run_here("bash", "-c", script, "bash", *words).split()

    def test_completion_for_bash(self):
        self.assertEqual(set(self.completed("rooflaw", "")), {*self.commands, "--help", "--version"})
        self.assertEqual(self.completed("rooflaw", "ev"), ["evaluate"])
        self.assertEqual(self.completed("rooflaw", "search", "--max"), ["--max-wall"])
        self.assertEqual(self.completed("rooflaw", "list", "dev"), ["devices"])
        self.assertEqual(self.completed("rooflaw", "list", "devices", "rk358"), ["rk3588", "rk3588.rkllm.max-clocks"])
        self.assertEqual(self.completed("rooflaw", "list", "devices", "--j"), ["--json"])
        # bash itself parts words at a "=".
        for words in (["--device"], ["--device", "="]):
            self.assertEqual(self.completed("rooflaw", "evaluate", *words, "rk358"), ["rk3588", "rk3588.rkllm.max-clocks"])
        self.assertIn("rk3588", self.completed("rooflaw", "evaluate", "--device", "="))
        for command in self.commands:
            help_ = self.run_here(self.program, command, "--help").split("\n\n", 2)[2]
            self.assertEqual(set(re.findall(r"^  (?:-\w \[ )?(--[a-z-]+)", help_, re.MULTILINE)) | {"--help"},
                             {word for word in self.completed("rooflaw", command, "--")}, command)

    @unittest.skipUnless(shutil.which("zsh"), "needs zsh")
    def test_completion_for_zsh(self):
        file = self.prefix / "share/zsh/site-functions/_rooflaw"
        self.run_here("zsh", "-n", file)
        # A terminal in which a user presses the tabulator.
        script = f"""
zmodload zsh/zpty
zpty shell 'TERM=dumb PS1= zsh -f -i'
zpty -w shell 'PATH={self.program.parent}:$PATH; fpath=({file.parent} $fpath); autoload -U compinit; compinit -u -D; echo REA''DY'
zpty -r -m shell text '*READY*'
zpty -n -w shell $'rooflaw evalu\\t--oper\\t'
zpty -r -m shell text '*--operators*' && print OFFERED
for typed in 'evaluate --device rk35' 'evaluate --device=rk35' 'list devices rk35'; do
  zpty -n -w shell $'\\025rooflaw '$typed$'\\t'
  zpty -r -m shell text '*rk35*88*' && print OFFERED
done
zpty -d shell
"""
        self.assertEqual(self.run_here("timeout", "60", "zsh", "-f", "-c", script, HOME=str(self.folder)).split(),
                         ["OFFERED"] * 4)

    def test_the_project_of_the_readme(self):
        (listing,) = re.findall(r"^```cmake\n(.*?)^```", (SOURCE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        mine = self.folder / "mine"
        mine.mkdir()
        (mine / "CMakeLists.txt").write_text(listing)
        shutil.copy(SOURCE / "tests/install/example/by_hand.cpp", mine / "mine.cpp")
        self.run_here("cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", cwd=mine)
        self.run_here("cmake", "--build", "build", cwd=mine)
        self.assertEqual(self.run_here("build/mine", cwd=mine), "822870016 294387712\n")

    def test_first_run_from_a_folder_of_ones_own(self):
        here = self.folder / "own"
        here.mkdir()
        job = self.prefix / "share/rooflaw/jobs/quick.toml"
        for more in ([], ["--dry-run"]):
            printed = self.run_here(self.program, "search", job, *more, cwd=here, expect=3)
            self.assertEqual(printed, "rooflaw: results/quick.h5: the folder results does not exist; make it with mkdir -p\n")
        (here / "results").mkdir()
        self.assertIn("\nresult: results/quick.h5\n", self.run_here(self.program, "search", job, "--dry-run", cwd=here))

    def test_find_package(self):
        self.run_here("cmake", "-S", SOURCE / "tests/install/example", "-B", "example", "-G", "Ninja",
                      f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_here("ninja", "-C", "example")
        loss, total = map(float, self.run_here("example/by_id", *CASE[1::2]).split())
        told = self.run_here(self.program, "evaluate", *CASE, "--json")
        self.assertEqual(loss, float(re.search(r'"loss": (.*),', told)[1]))
        self.assertEqual(total, float(re.search(r'"total_s": (.*),', told)[1]))
        self.assertEqual(self.run_here("example/by_hand"), "822870016 294387712\n")


if __name__ == "__main__":
    unittest.main()
