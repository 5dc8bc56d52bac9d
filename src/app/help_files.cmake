# Manual pages and completions, from the options as the program itself describes them:
# cmake -DPROGRAM=... -DFOLDER=... -P help_files.cmake
function(write_help file)
  execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE ${FOLDER}/${file} "${text}")
endfunction()

file(REMOVE_RECURSE ${FOLDER})
execute_process(COMMAND ${PROGRAM} --help-as commands OUTPUT_VARIABLE commands
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" commands "${commands}")
write_help(man1/rooflaw.1 --help-as man)
foreach(command IN LISTS commands)
  write_help(man1/rooflaw-${command}.1 ${command} --help-as man)
endforeach()
write_help(bash/rooflaw --help-as bash)
write_help(zsh/_rooflaw --help-as zsh)
