# Writes version.cpp with the version and the git commit, and touches it only if they changed.
execute_process(COMMAND git -C ${SOURCE_DIR} rev-parse HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE no_git)
if(no_git)
  set(commit "unknown")
else()
  execute_process(COMMAND git -C ${SOURCE_DIR} status --porcelain --untracked-files=no
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    string(APPEND commit "-dirty")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
#include "rooflaw/core/version.hpp"

namespace rooflaw {
std::string_view program_version() { return "@VERSION@"; }
std::string_view git_commit() { return "@commit@"; }
}  // namespace rooflaw
]] @ONLY)
