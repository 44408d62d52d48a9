# Stands in for Zephyr's build system, as far as a module and its samples meet it: modules are found and configured from
# module.yml, Kconfig and prj.conf, the functions are those of Zephyr's extensions.cmake with the same scopes, and the
# application is a program of this machine.
project(stand_in C)
add_compile_options(-std=c17 -Wall -Wextra -Wshadow -Werror)
add_executable(app)
add_library(zephyr_interface INTERFACE)
target_link_libraries(app PRIVATE zephyr_interface)

function(zephyr_include_directories)
  foreach(folder ${ARGV})
    if(NOT IS_ABSOLUTE ${folder})
      set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
    endif()
    target_include_directories(zephyr_interface INTERFACE ${folder})
  endforeach()
endfunction()
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC "")
  target_link_libraries(${name} PUBLIC zephyr_interface)
  target_link_libraries(app PRIVATE ${name})
endmacro()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()
function(zephyr_library_sources_ifdef feature)
  if(${${feature}})
    zephyr_library_sources(${ARGN})
  endif()
endfunction()

execute_process(
  COMMAND $ENV{PYTHON} $ENV{ZEPHYR_BASE}/modules.py ${CMAKE_BINARY_DIR}/configuration.cmake
    ${CMAKE_SOURCE_DIR}/prj.conf ${EXTRA_ZEPHYR_MODULES}
  RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the modules are not in order")
endif()
include(${CMAKE_BINARY_DIR}/configuration.cmake)
