# cmake --install: the program with its inputs; jobs, templates, readers; documents; manual pages and
# completions; headers and libraries for find_package(rooflaw).
set(data ${CMAKE_INSTALL_DATADIR}/rooflaw)

install(TARGETS rooflaw)
# File by file, since users keep jobs, logs and results of their own in these folders.
function(install_files destination)
  foreach(file IN LISTS ARGN)
    get_filename_component(folder ${file} DIRECTORY)
    if(file MATCHES "\\.sh$|^results/.*\\.py$")
      install(PROGRAMS ${file} DESTINATION ${destination}/${folder})
    else()
      install(FILES ${file} DESTINATION ${destination}/${folder})
    endif()
  endforeach()
endfunction()

set(tables calibrated devices models precisions quantisations workloads)
set(laws codesign-2026 conditional-2025 depth-2026 gemstones-2025-cool
  gemstones-2025-hot gemstones-2025-lr joint-moe-2025 routing-2022)
list(TRANSFORM laws PREPEND laws/)
list(APPEND tables ${laws})
list(TRANSFORM tables REPLACE "(.+)" "inputs/\\1.toml")
set(studies exact_1e10 exact_1e12 exact_1e15 orin_laws orin_vs_edge paper_orin paper_orin_today plas_fine portfolio_edge quick qwen_on_orin rooflinebench
  what_is_bandwidth_worth)
list(TRANSFORM studies REPLACE "(.+)" "jobs/\\1.toml")
set(tutorial grasp heron reply report study winner)
list(TRANSFORM tutorial REPLACE "(.+)" "jobs/tutorial/\\1.toml")
install_files(${data} ${tables} inputs/measured.csv inputs/energy.csv ${studies} results/plot_frontier.py
  results/plot_comparison.py results/plot_figures.py results/rooflaw.py results/rooflaw_staircase.py results/rooflaw_drawing.py
  results/example.py results/example.m results/example.jl
  jobs/tutorial/bench.json jobs/tutorial/shipped/config.json ${tutorial}
  slurm/study.sbatch slurm/array.sh slurm/merge.sbatch slurm/Dockerfile slurm/rooflaw.def
  slurm/spack/repo.yaml slurm/spack/packages/rooflaw/package.py)

# In the folders of the source tree, so that the links between them hold.
set(sections include/rooflaw/model include/rooflaw/theory inputs jobs results slurm tests tests/bench tests/fuzz)
list(TRANSFORM sections APPEND /README.md)
set(pages inputs/TRUST.md include/rooflaw/model/METHOD.md jobs/TUTORIAL.md tests/bench/SCALING.md)
install_files(${CMAKE_INSTALL_DOCDIR} README.md ${sections} ${pages} CHANGELOG.md CITATION.cff LICENSE
  results/frontier.png results/report.png tests/bench/growth.png tests/bench/scaling.png
  tests/install/example/CMakeLists.txt tests/install/example/by_hand.cpp tests/install/example/by_id.cpp)

install(DIRECTORY ${help_files}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${help_files}/bash/rooflaw DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${help_files}/zsh/_rooflaw DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

if(rooflaw_fetched)
  message(STATUS "find_package(rooflaw) will not be installed: its users need ${rooflaw_fetched} too")
  return()
endif()
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/rooflaw)
install(DIRECTORY include/rooflaw DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)
install(TARGETS rooflaw_options rooflaw_hdf5 ${rooflaw_layers} rooflaw_lib EXPORT rooflaw)
install(EXPORT rooflaw NAMESPACE rooflaw:: FILE rooflawTargets.cmake DESTINATION ${package})
set(inputs ${data}/inputs)
configure_package_config_file(src/rooflawConfig.cmake.in ${PROJECT_BINARY_DIR}/rooflawConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS inputs)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rooflawConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rooflawConfig.cmake ${PROJECT_BINARY_DIR}/rooflawConfigVersion.cmake
  DESTINATION ${package})
