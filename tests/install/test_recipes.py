"""The recipes of slurm/: their syntax, and that they do what jobs/run.sh does and need what CMake needs."""

import pathlib
import re
import shlex
import subprocess
import sys
import types
import unittest

sys.dont_write_bytecode = True
from dockerfile import instructions
from trees import SOURCE


def steps(text):
    """The commands of a script that install and build."""
    return re.findall(r"install_packages \"\$\{build_packages\[@\]\}\"|cmake (?:--build )?--preset [^\n&\\]*[^\s&\\]", text)


STEPS = steps((SOURCE / "jobs/run.sh").read_text())


class Recipes(unittest.TestCase):
    def assert_bash(self, text):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        self.assertEqual(done.stderr, "", text)

    def test_run_sh_has_the_steps(self):
        self.assertEqual(STEPS, ['install_packages "${build_packages[@]}"', "cmake --preset release",
                                 "cmake --build --preset release --target rooflaw"])

    def test_dockerfile(self):
        found = instructions((SOURCE / "slurm/Dockerfile").read_text())
        runs = [arguments for keyword, arguments in found if keyword == "RUN"]
        for run in runs:
            self.assert_bash(run)
        self.assertEqual(steps("\n".join(runs)), STEPS)
        for keyword, arguments in found:
            if keyword == "COPY":
                self.assertTrue((SOURCE / shlex.split(arguments)[0]).exists(), arguments)

    def test_the_check_finds_mistakes(self):
        for text in ("RUN true\n", "FROM a\nRUM true\n", "FROM a\nRUN true \\\n", "FROM a\nENV X\n", "FROM a\nCOPY x\n",
                     "FROM a\nENTRYPOINT [rooflaw]\n"):
            with self.assertRaises(ValueError, msg=text):
                instructions(text)

    def test_apptainer_definition(self):
        header, *sections = re.split(r"^%", (SOURCE / "slurm/rooflaw.def").read_text(), flags=re.MULTILINE)
        fields = dict(re.findall(r"^([A-Z]\w+): (\S+)$", header, re.MULTILINE))
        self.assertEqual(fields, {"Bootstrap": "docker", "From": "debian:bookworm-slim"})
        bodies = dict(section.split("\n", 1) for section in sections)
        self.assertEqual(list(bodies), ["files", "post", "environment", "runscript", "test", "help"])
        for name in ("post", "environment", "runscript", "test"):
            self.assert_bash(bodies[name])
        self.assertEqual(steps(bodies["post"]), STEPS)
        self.assertTrue((SOURCE / shlex.split(bodies["files"])[0]).exists())

    def test_spack_recipe(self):
        needed, told = set(), {}
        spack = types.ModuleType("spack.package")
        spack.CMakePackage = type("CMakePackage", (), {"define": lambda self, key, value: f"-D{key}:BOOL={value}"})
        for name in ("license", "version", "generator", "conflicts"):
            setattr(spack, name, lambda *a, name=name, **k: told.setdefault(name, (a, k)))
        spack.depends_on = lambda spec, **how: needed.add(re.match(r"[a-z0-9-]+", spec)[0])
        spack.__all__ = [name for name in vars(spack) if not name.startswith("_")]
        file = SOURCE / "slurm/spack/packages/rooflaw/package.py"
        before = dict(sys.modules)
        sys.modules.update({"spack": types.ModuleType("spack"), "spack.package": spack})
        try:
            recipe = {"__file__": str(file)}
            exec(compile(file.read_text(), file, "exec"), recipe)
        finally:
            for name in set(sys.modules) - set(before):
                del sys.modules[name]
        self.assertEqual(recipe["Rooflaw"].git, SOURCE.resolve().as_uri())
        self.assertEqual(recipe["Rooflaw"]().cmake_args(), ["-DBUILD_TESTING:BOOL=False"])
        cmake = (SOURCE / "src/dependencies.cmake").read_text().split("if(BUILD_TESTING)")[0]
        names = {"eigen3": "eigen", "nlohmann_json": "nlohmann-json"}
        asked = {name.lower() for name in re.findall(r"^rooflaw_need(?:_headers)?\((\w+)", cmake, re.MULTILINE)}
        self.assertEqual(needed - {"c", "cxx", "cmake"}, {names.get(name, name) for name in asked})
        self.assertIn("namespace: rooflaw", (SOURCE / "slurm/spack/repo.yaml").read_text())

    def test_what_is_found_is_found_for_users_of_the_package_too(self):
        cmake = (SOURCE / "src/dependencies.cmake").read_text().split("if(BUILD_TESTING)")[0]
        asked = set(re.findall(r"^rooflaw_need(?:_headers)?\((\w+)", cmake, re.MULTILINE))
        told = set(re.findall(r"^find_dependency\((\w+)", (SOURCE / "src/rooflawConfig.cmake.in").read_text(), re.MULTILINE))
        told -= {"Threads"}  # of the compiler
        self.assertEqual(told, asked - {"HDF5"})  # by its paths

    def test_scripts(self):
        for file in [*(SOURCE / "slurm").glob("*.s*"), *(SOURCE / "jobs").glob("*.sh")]:
            if file.is_file():
                self.assert_bash(file.read_text())

    def test_version_of_the_documents(self):
        version = re.search(r"set\(FALLBACK ([0-9.]+)\)", (SOURCE / "CMakeLists.txt").read_text())[1]
        self.assertIn(f"\nversion: {version}\n", (SOURCE / "CITATION.cff").read_text())
        heading = re.search(r"^## (\S+)", (SOURCE / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
        self.assertEqual(heading.rstrip(","), version)
        citation = (SOURCE / "CITATION.cff").read_text()
        for key in ("cff-version", "message", "title", "authors", "license"):
            self.assertRegex(citation, rf"(?m)^{key}:")


if __name__ == "__main__":
    unittest.main()
