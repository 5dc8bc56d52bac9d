# spack repo add slurm/spack; spack install rooflaw: the clone in which this recipe lies, its branch main.
import pathlib

from spack.package import *

try:  # Spack 1.0 and later
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:
    pass


class Rooflaw(CMakePackage):
    """Architecture search for language models on a chip, by scaling law and roofline."""

    git = pathlib.Path(__file__).resolve().parents[4].as_uri()

    license("Apache-2.0")
    version("main", branch="main")

    generator("ninja")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("mpi")
    depends_on("hdf5~mpi")
    depends_on("eigen@3.4:3")
    depends_on("nlopt+cxx")
    depends_on("tomlplusplus")
    depends_on("fmt@9:")
    depends_on("nlohmann-json@3.11:")
    depends_on("openssl")
    depends_on("boost+program_options")

    conflicts("%gcc@:10", msg="needs C++20")

    def cmake_args(self):
        return [self.define("BUILD_TESTING", False)]

    def setup_run_environment(self, env):
        env.set("ROOFLAW", self.prefix.bin.rooflaw)  # the Slurm templates look for it there
