# cmake --install: the program with its inputs; jobs, templates, readers; documents; manual pages and
# completions; headers and libraries for find_package(rooflaw).
set(data ${CMAKE_INSTALL_DATADIR}/rooflaw)

install(TARGETS rooflaw)
install(DIRECTORY inputs DESTINATION ${data})
install(DIRECTORY jobs DESTINATION ${data} PATTERN *.sh EXCLUDE)
install(DIRECTORY slurm DESTINATION ${data} USE_SOURCE_PERMISSIONS)
install(DIRECTORY results DESTINATION ${data} USE_SOURCE_PERMISSIONS
  FILES_MATCHING PATTERN *.py PATTERN README.md)

# In the folders of the source tree, so that the links between them hold.
install(FILES README.md CHANGELOG.md CITATION.cff LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(folder include inputs jobs results slurm tests)
  file(GLOB_RECURSE found RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${folder}/*README.md)
  list(APPEND documents ${found})
endforeach()
foreach(file IN LISTS documents ITEMS results/frontier.png tests/bench/growth.png)
  get_filename_component(folder ${file} DIRECTORY)
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()

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
