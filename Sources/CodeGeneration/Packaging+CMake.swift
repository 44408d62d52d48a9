extension CodeGenerator {
  func cmake(hasSelfTest: Bool) -> String {
    let name = options.names.prefix
    var text = """
      \(originLine)
      #   add_subdirectory(\(name))  and  target_link_libraries(app PRIVATE \(name))
      # Alone: cmake -B build && cmake --build build && ctest --test-dir build
      cmake_minimum_required(VERSION 3.13)
      project(\(name) C)

      add_library(\(name) STATIC \(librarySources.joined(separator: " ")))
      target_include_directories(\(name) PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
      set_target_properties(\(name) PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)

      """
    if hasSelfTest {
      text += """

        if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
          enable_testing()
          add_executable(\(name)_selftest \(name)_selftest.c)
          target_compile_definitions(\(name)_selftest PRIVATE \(options.names.macro)_SELFTEST_MAIN)
          target_link_libraries(\(name)_selftest PRIVATE \(name))
          add_test(NAME \(name)_selftest COMMAND \(name)_selftest)
        endif()

        """
    }
    return text
  }
}
