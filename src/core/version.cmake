# Which program this is: its version from the last tag, v1.2.3, and its commit. Where the source tree is
# no git repository of its own (an archive, a copy within another repository) the version is FALLBACK and
# a hash of the sources stands for the commit.
#   include(): sets `version_number` of the tag, for project().
#   cmake -DSOURCE_DIR=... -DFALLBACK=... -DOUTPUT=version.cpp -P version.cmake: writes version.cpp, and
#   touches it only if something changed.
function(rooflaw_git result)
  execute_process(COMMAND git -C ${SOURCE_DIR} ${ARGN}
    OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(text "")
  endif()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# Sets `version` ("1.2.3", "1.2.3+4" four commits after the tag), `version_number` and `commit`.
function(rooflaw_version)
  set(version ${FALLBACK})
  set(version_number ${FALLBACK})
  rooflaw_git(top rev-parse --show-toplevel)
  file(REAL_PATH ${SOURCE_DIR} here)
  if(top STREQUAL here)
    rooflaw_git(commit rev-parse HEAD)
    rooflaw_git(changes status --porcelain --untracked-files=no)
    if(changes)
      string(APPEND commit "-dirty")
    endif()
    rooflaw_git(tag describe --tags --long --match "v[0-9]*.[0-9]*.[0-9]*")
    if(tag MATCHES "^v([0-9]+\\.[0-9]+\\.[0-9]+)-([0-9]+)-g")
      set(version_number ${CMAKE_MATCH_1})
      set(version ${CMAKE_MATCH_1})
      if(CMAKE_MATCH_2 GREATER 0)
        string(APPEND version "+${CMAKE_MATCH_2}")
      endif()
    endif()
  endif()
  if(NOT commit)
    file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/CMakeLists.txt ${SOURCE_DIR}/src/*
      ${SOURCE_DIR}/include/*)
    list(SORT files)
    foreach(file IN LISTS files)
      file(SHA256 ${SOURCE_DIR}/${file} hash)
      string(APPEND hashes "${hash} ${file}\n")
    endforeach()
    string(SHA256 hash "${hashes}")
    string(SUBSTRING ${hash} 0 40 hash)
    set(commit "source-${hash}")
  endif()
  foreach(variable version version_number commit)
    set(${variable} ${${variable}} PARENT_SCOPE)
  endforeach()
endfunction()

rooflaw_version()
if(OUTPUT)
  file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
#include "rooflaw/core/version.hpp"

namespace rooflaw {
std::string_view program_version() { return "@version@"; }
std::string_view git_commit() { return "@commit@"; }
}  // namespace rooflaw
]] @ONLY)
endif()
