# What the report page consists of, put into rooflaw_app; and where the chart library is from.
find_file(chart_found NAMES chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist NO_CACHE)
if(NOT chart_found)
  set(chart_found "")
endif()
set(ROOFLAW_CHART_JS "${chart_found}" CACHE FILEPATH
  "Chart.js 3 for the charts of rooflaw report (Debian: libjs-chart.js); OFF: static charts only")
if("${ROOFLAW_CHART_JS}" STREQUAL "")  # or installed since
  set_property(CACHE ROOFLAW_CHART_JS PROPERTY VALUE "${chart_found}")
endif()
set(report_files "")
foreach(name page.html style.css)
  list(APPEND report_files ${name}=${CMAKE_CURRENT_SOURCE_DIR}/src/app/report/${name})
endforeach()
file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/src/app/report src/app/report/*.js)
foreach(name IN LISTS scripts)
  list(APPEND report_files ${name}=${CMAKE_CURRENT_SOURCE_DIR}/src/app/report/${name})
endforeach()
unset(chart_licence)
if(ROOFLAW_CHART_JS)
  if(NOT EXISTS ${ROOFLAW_CHART_JS})
    message(FATAL_ERROR "ROOFLAW_CHART_JS: ${ROOFLAW_CHART_JS} is not there; OFF builds without")
  endif()
  # It goes with it: Debian's text, or that of the npm package.
  get_filename_component(chart_folder ${ROOFLAW_CHART_JS} DIRECTORY)
  find_file(chart_licence NAMES copyright LICENSE.md LICENSE NO_CACHE NO_DEFAULT_PATH
    PATHS ${chart_folder} ${chart_folder}/.. /usr/share/doc/libjs-chart.js)
endif()
if(chart_licence)
  message(STATUS "rooflaw report: charts by ${ROOFLAW_CHART_JS}, licence ${chart_licence}")
  list(APPEND report_files chart-library=${ROOFLAW_CHART_JS} chart-licence=${chart_licence})
else()
  message(STATUS "rooflaw report: no Chart.js with its licence beside it (Debian: libjs-chart.js; or -DROOFLAW_CHART_JS=FILE): pages will have still charts only")
endif()
set(report_assets ${PROJECT_BINARY_DIR}/generated/report_assets.cpp)
set(report_paths ${report_files})
list(TRANSFORM report_paths REPLACE "^[^=]+=" "")
string(JOIN "|" report_escaped ${report_files})
add_custom_command(OUTPUT ${report_assets}
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${report_assets} "-DFILES=${report_escaped}"
          -P ${CMAKE_CURRENT_SOURCE_DIR}/src/app/report/embed.cmake
  DEPENDS ${report_paths} ${CMAKE_CURRENT_SOURCE_DIR}/src/app/report/embed.cmake
  COMMENT "Files of the report page" VERBATIM)
target_sources(rooflaw_app PRIVATE ${report_assets})
