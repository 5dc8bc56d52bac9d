# Sourced by jobs/run.sh and tests/run.sh: what the program needs, and how to get it.

build_packages=(g++ cmake ninja-build git libopenmpi-dev openmpi-bin libhdf5-dev libeigen3-dev
  libtomlplusplus-dev libboost-program-options-dev libfmt-dev nlohmann-json3-dev
  libssl-dev libnlopt-dev libnlopt-cxx-dev)
# mpich for its mpiexec.hydra; mpirun and mpicc stay Open MPI's, whose alternatives rank higher.
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev libmpfr-dev clang libclang-rt-14-dev
  mpich slurm-wlm munge python3 python3-h5py python3-numpy python3-pandas python3-matplotlib)

# install_packages NAME...: installs those that are missing, with root or sudo; without, says which
# they are and ends. On a machine that is not Debian it leaves the matter to CMake.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian machine: load modules for a C++20 compiler, CMake >= 3.25, Ninja, Open MPI," \
      "HDF5 (serial), Eigen, NLopt, toml++, Boost, fmt, nlohmann-json and OpenSSL if CMake asks" >&2
    return
  fi
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' ||
      missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "missing Debian packages: ${missing[*]}" >&2
      echo "install them with: sudo apt-get install ${missing[*]}" >&2
      echo "on a cluster load modules instead, for example:" \
        "module load gcc/12 cmake ninja openmpi hdf5 eigen nlopt boost openssl" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
