"""Building on other people's machines: what is missing, what may be downloaded, which version it is."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from trees import SOURCE, STRANGER, TreeTest

PACKAGES = ("MPI", "HDF5", "NLopt", "OpenSSL", "Boost", "Eigen3", "tomlplusplus", "fmt", "nlohmann_json")
HEADERS = {"Eigen3": "eigen3", "tomlplusplus": "toml++", "fmt": "fmt", "nlohmann_json": "nlohmann"}


def without(*packages):
    return [f"-DCMAKE_DISABLE_FIND_PACKAGE_{package}=ON" for package in packages]


class Configure(TreeTest):
    def configure(self, *options, expect=0):
        shutil.rmtree(self.folder / "build", ignore_errors=True)
        printed = self.run_here("cmake", "-S", SOURCE, "-B", "build", "-G", "Ninja", *options, expect=expect)
        return re.sub(r"\s+", " ", printed)

    def test_all_that_is_missing_is_named_at_once(self):
        printed = self.configure(*without(*PACKAGES), expect=1)
        for package in PACKAGES:
            self.assertIn(f"CMake looks for {package}", printed)
        self.assertEqual(printed.count("CMake Error"), 1, printed)
        # By packages that jobs/install.sh installs.
        installed = re.search(r"build_packages=\((.*?)\)", (SOURCE / "jobs/install.sh").read_text(), re.DOTALL)[1].split()
        named = " ".join(re.findall(r"\(Debian: ([^;]*);", printed)).split()
        self.assertEqual(set(named) - set(installed), set())
        self.assertEqual(set(installed) - set(named), {"g++", "cmake", "ninja-build", "git", "libjs-chart.js"})

    def test_no_test_library_is_needed(self):
        options = without("GTest", "benchmark") + ["-DMPFR=MPFR-NOTFOUND"]
        self.assertIn("Configuring done", self.configure(*options))
        printed = self.configure(*without("GTest", "benchmark"), "-DBUILD_TESTING=ON", expect=1)
        self.assertIn("GoogleTest", printed)
        self.assertIn("Google Benchmark", printed)

    def test_headers_that_a_site_has_not(self):
        """From where the user unpacked them, as a machine without a network must: what is downloaded is
        the same but for the download."""
        options = ["-DROOFLAW_FETCH=ON", *without(*HEADERS)]
        for package, folder in HEADERS.items():
            unpacked = self.folder / package
            unpacked.mkdir()
            if package == "Eigen3":
                (unpacked / "Eigen").symlink_to("/usr/include/eigen3/Eigen")
            else:
                (unpacked / "include").mkdir()
                (unpacked / "include" / folder).symlink_to(f"/usr/include/{folder}")
            options.append(f"-DFETCHCONTENT_SOURCE_DIR_{package.upper()}={unpacked}")
        printed = self.configure(*options)
        self.assertIn("find_package(rooflaw) will not be installed", printed)
        self.run_here("ninja", "-C", "build", "rooflaw_core")
        commands = (self.folder / "build/build.ninja").read_text()
        for package in HEADERS:
            self.assertIn(f"-isystem {self.folder}/{package}", commands)

    def test_way_from_the_program_to_its_inputs(self):
        ways = {("-DCMAKE_INSTALL_PREFIX=/usr",): "../share/rooflaw/inputs",
                ("-DCMAKE_INSTALL_DATADIR=etc/data", "-DCMAKE_INSTALL_BINDIR=x/tools"): "../../etc/data/rooflaw/inputs",
                ("-DCMAKE_INSTALL_DATADIR=/srv/data",): "/srv/data/rooflaw/inputs"}
        for options, way in ways.items():
            self.configure(*options)
            defined = re.search(r'ROOFLAW_INPUTS_FROM_PROGRAM=\S*?"(.*?)\\?"', (self.folder / "build/build.ninja").read_text())
            self.assertEqual(defined[1].rstrip("\\"), way)

    def test_add_subdirectory(self):
        self.run_here("cmake", "-S", SOURCE / "tests/install/example", "-B", "example", "-G", "Ninja",
                      f"-DROOFLAW_SOURCE={SOURCE}", "-DCMAKE_UNITY_BUILD=ON")
        self.run_here("ninja", "-C", "example", "by_hand")
        self.assertEqual(self.run_here("example/by_hand"), "822870016 294387712\n")
        self.assertNotIn("-Wconversion", next(
            line for line in self.run_here("ninja", "-C", "example", "-t", "commands", "by_hand").splitlines()
            if "by_hand.dir" in line and " -c " in line))


class Version(TreeTest):
    def setUp(self):
        self.tree = self.folder / self.id().rsplit(".", 1)[1] / "tree"
        for name in ("src/core", "include/rooflaw/core"):
            shutil.copytree(SOURCE / name, self.tree / name)
        shutil.copy(SOURCE / "CMakeLists.txt", self.tree)

    def version(self):
        """What the program would say: version and commit."""
        self.run_here("cmake", f"-DSOURCE_DIR={self.tree}", "-DFALLBACK=0.9.9", "-DOUTPUT=version.cpp",
                      "-P", self.tree / "src/core/version.cmake")
        return re.findall(r'return "(.*)"', (self.folder / "version.cpp").read_text())

    def git(self, *arguments, cwd=None):
        return self.run_here("git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments, cwd=cwd or self.tree).strip()

    def commit(self, text, cwd=None):
        self.git("add", "-A", cwd=cwd)
        self.git("commit", "-qm", text, cwd=cwd)
        return self.git("rev-parse", "HEAD", cwd=cwd)

    def test_source_hash_without_git(self):
        number, commit = self.version()
        self.assertEqual(number, "0.9.9")
        self.assertRegex(commit, "^source-[0-9a-f]{40}$")
        (self.tree / "README.md").write_text("no source\n")
        self.assertEqual(self.version(), [number, commit])
        with open(self.tree / "src/core/error.cpp", "a") as file:
            file.write("// changed\n")
        self.assertNotEqual(self.version()[1], commit)

    def test_never_the_commit_of_an_outer_repository(self):
        self.git("init", "-q", cwd=self.tree.parent)
        outer = self.commit("outer", cwd=self.tree.parent)
        self.git("tag", "v7.7.7", cwd=self.tree.parent)
        number, commit = self.version()
        self.assertEqual(number, "0.9.9")
        self.assertNotIn(outer, commit)
        self.assertRegex(commit, "^source-")

    def test_version_from_a_tag(self):
        self.git("init", "-q")
        first = self.commit("first")
        self.assertEqual(self.version(), ["0.9.9", first])
        self.git("tag", "v1.22.3")
        self.assertEqual(self.version(), ["1.22.3", first])
        (self.tree / "src/core/error.cpp").write_text("// empty\n")
        self.assertEqual(self.version(), ["1.22.3", first + "-dirty"])
        second = self.commit("second")
        self.assertEqual(self.version(), ["1.22.3+1", second])


class LoginNode(TreeTest):
    """jobs/run.sh with a Debian that lacks every package: stand-ins say so, and tell what was called."""

    def setUp(self):
        self.tree = self.folder / "tree"
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.copytree(SOURCE / "jobs", self.tree / "jobs")
        stand_ins = {"dpkg-query": "exit 1", "sudo": "exit 1", "apt-get": 'echo "apt-get $*"',
                 "cmake": 'echo "cmake $*"; mkdir -p build/release; printf "#!/bin/sh\\necho program\\n" > build/release/rooflaw; '
                          "chmod +x build/release/rooflaw"}
        for name, text in stand_ins.items():
            file = self.tree / "stand_ins" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)
        self.tree.chmod(0o777)
        self.path = f"{self.tree}/stand_ins:/usr/bin:/bin"

    def assert_builds(self, printed):
        self.assertIn("not installed as Debian packages: g++ cmake", printed)
        self.assertNotIn("apt-get update", printed)
        self.assertIn("cmake --preset release\n", printed)
        self.assertTrue(printed.endswith("program\n"), printed)

    def test_with_modules_loaded(self):
        self.assert_builds(self.run_here(self.tree / "jobs/run.sh", PATH=self.path, LOADEDMODULES="gcc/12:openmpi/4"))

    @unittest.skipUnless(os.getuid() == 0, "needs root, to become another user")
    def test_without_root(self):
        self.assert_builds(self.run_here(*STRANGER, self.tree / "jobs/run.sh", PATH=self.path))

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_root_without_modules_installs(self):
        self.assertIn("installing g++ cmake", self.run_here(self.tree / "jobs/run.sh", PATH=self.path))


if __name__ == "__main__":
    unittest.main()
