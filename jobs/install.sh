# shellcheck shell=bash disable=SC2034
# Sourced by jobs/run.sh and tests/run.sh: what the program needs, and how to get it.

# Not needed, but found if there: libjs-chart.js, for the moving charts of `rooflaw report`.
build_packages=(g++ cmake ninja-build git libopenmpi-dev openmpi-bin libhdf5-dev libeigen3-dev
  libtomlplusplus-dev libboost-program-options-dev libfmt-dev nlohmann-json3-dev
  libssl-dev libnlopt-dev libnlopt-cxx-dev libjs-chart.js)
# mpich for its mpiexec.hydra; mpirun and mpicc stay Open MPI's, whose alternatives rank higher.
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev libmpfr-dev clang libclang-rt-14-dev
  mpich slurm-wlm munge zsh man-db python3 python3-h5py python3-numpy python3-pandas python3-matplotlib
  python3-xarray python3-netcdf4 python3-h5netcdf python3-tables netcdf-bin hdf5-tools
  octave chromium chromium-driver python3-selenium)

# install_packages NAME...: installs those that are missing, with root or sudo. Without these, or where
# modules are loaded, it says which are missing as packages and leaves the matter to CMake, which names all
# that it does not find.
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
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  if [ -n "${LOADEDMODULES:-}" ] || { [ ${#as_root[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
    echo "not installed as Debian packages: ${missing[*]}" >&2
    echo "going on with what modules and CMAKE_PREFIX_PATH give; if CMake misses something:" \
      "sudo apt-get install ${missing[*]}, or on a cluster for example" \
      "module load gcc/12 cmake ninja openmpi hdf5 eigen nlopt boost openssl" >&2
    return
  fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
