# What the program stands on; jobs/install.sh installs it on Debian. All that is missing is said at once.
option(ROOFLAW_FETCH "Download the header-only libraries that are missing, as Debian 12 has them" OFF)
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)  # for projects that add this one by add_subdirectory
set(rooflaw_missing "")
set(rooflaw_fetched "")

# What find_package looks for, and what it is called in messages.
macro(rooflaw_need package name debian)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    string(APPEND rooflaw_missing "  ${name} (Debian: ${debian}; CMake looks for ${package})\n")
  endif()
endmacro()

# The same for a library of headers: where it is missing and may be downloaded, `target` is made of
# the archive's folder `include`. FETCHCONTENT_SOURCE_DIR_<PACKAGE> names a folder to take instead.
macro(rooflaw_need_headers package target name debian archive hash include)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND AND ROOFLAW_FETCH)
    rooflaw_fetch(${package} ${target} ${archive} ${hash} ${include})
    list(APPEND rooflaw_fetched ${package})
  elseif(NOT ${package}_FOUND)
    string(APPEND rooflaw_missing
      "  ${name} (Debian: ${debian}; CMake looks for ${package}; -DROOFLAW_FETCH=ON downloads it)\n")
  endif()
endmacro()

function(rooflaw_fetch package target archive hash include)
  include(FetchContent)
  # The second address is where Debian keeps a release that is no longer supported.
  FetchContent_Declare(${package}
    URL https://deb.debian.org/debian/pool/main/${archive}
        https://archive.debian.org/debian/pool/main/${archive}
    URL_HASH SHA256=${hash} DOWNLOAD_EXTRACT_TIMESTAMP OFF
    SOURCE_SUBDIR none)  # its own CMakeLists.txt is not wanted
  FetchContent_MakeAvailable(${package})
  string(TOLOWER ${package} lower)
  add_library(rooflaw_fetched_${lower} INTERFACE)
  target_include_directories(rooflaw_fetched_${lower} SYSTEM INTERFACE ${${lower}_SOURCE_DIR}/${include})
  target_compile_definitions(rooflaw_fetched_${lower} INTERFACE
    $<$<STREQUAL:${package},fmt>:FMT_HEADER_ONLY=1>)
  add_library(${target} ALIAS rooflaw_fetched_${lower})
endfunction()

rooflaw_need(MPI "MPI, Open MPI for one" "libopenmpi-dev openmpi-bin" COMPONENTS C)
find_package(Threads REQUIRED)  # of the compiler
rooflaw_need(HDF5 "HDF5, serial, with its high-level library" libhdf5-dev COMPONENTS C HL)
rooflaw_need(NLopt "NLopt with C++" "libnlopt-dev libnlopt-cxx-dev")
rooflaw_need(OpenSSL "OpenSSL" libssl-dev COMPONENTS Crypto)
rooflaw_need(Boost "Boost.Program_options" libboost-program-options-dev COMPONENTS program_options)
rooflaw_need_headers(Eigen3 Eigen3::Eigen "Eigen 3.4" libeigen3-dev
  e/eigen3/eigen3_3.4.0.orig.tar.bz2
  b4c198460eba6f28d34894e3a5710998818515104d6e74e5cc331ce31e46e626 . 3.4 NO_MODULE)
rooflaw_need_headers(tomlplusplus tomlplusplus::tomlplusplus "toml++" libtomlplusplus-dev
  t/tomlplusplus/tomlplusplus_3.3.0+ds.orig.tar.xz
  a143f15016090d88d72e018632efa43b1124bb62285d8c72d51d0cdb45ad787b include)
rooflaw_need_headers(fmt fmt::fmt "fmt" libfmt-dev
  f/fmtlib/fmtlib_9.1.0+ds1.orig.tar.gz
  84ce1c2d0be3a9863935137969dcec6970125caac032f82474640bfc81463583 include)
rooflaw_need_headers(nlohmann_json nlohmann_json::nlohmann_json "nlohmann-json" nlohmann-json3-dev
  n/nlohmann-json3/nlohmann-json3_3.11.2.orig.tar.gz
  d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273 include)

if(BUILD_TESTING)
  rooflaw_need(GTest "GoogleTest" "libgtest-dev libgmock-dev")
  if(ROOFLAW_BENCHMARKS)
    rooflaw_need(benchmark "Google Benchmark (or -DROOFLAW_BENCHMARKS=OFF)" libbenchmark-dev)
  endif()
  find_library(MPFR mpfr)
  if(NOT MPFR)
    string(APPEND rooflaw_missing "  MPFR (Debian: libmpfr-dev)\n")
  endif()
endif()

if(rooflaw_missing)
  message(FATAL_ERROR "Missing, and needed to build rooflaw:\n${rooflaw_missing}"
    "Debian: jobs/run.sh installs them. A cluster: load modules, or name where they are: "
    "-DCMAKE_PREFIX_PATH=\"/path/of/one;/path/of/another\". README.md, Install, tells more.")
endif()
