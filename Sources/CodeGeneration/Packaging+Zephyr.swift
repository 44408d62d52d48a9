extension CodeGenerator {
  /// The files of a Zephyr module beside its code.
  func zephyrFiles(hasSelfTest: Bool) -> [GeneratedFile] {
    let (name, library) = (options.names.prefix, options.names.library)
    let symbol = library.uppercased()
    let module = """
      \(originLine)
      name: \(library)
      build:
        cmake: zephyr
        kconfig: zephyr/Kconfig

      """
    var cmake = """
      \(originLine)
      if(CONFIG_\(symbol))
        set(source ${CMAKE_CURRENT_LIST_DIR}/../src)
        zephyr_include_directories(${source})
        zephyr_library_named(\(library))
        zephyr_library_sources(\(librarySources.map { "${source}/\($0)" }.joined(separator: " ")))

      """
    var kconfig = """
      \(originLine)
      config \(symbol)
      \tbool "Neural network \(name)"
      \thelp
      \t  \(sentence)
      \t  \(figures)

      """
    if hasSelfTest {
      cmake += "  zephyr_library_sources_ifdef(CONFIG_\(symbol)_SELFTEST ${source}/\(name)_selftest.c)\n"
      kconfig += """

        config \(symbol)_SELFTEST
        \tbool "Self-test of neural network \(name)"
        \tdepends on \(symbol)
        \thelp
        \t  Builds \(name)_selftest(), which holds the network on the device to the simulator.

        """
    }
    cmake += "endif()\n"
    let examples = examples(hasSelfTest: hasSelfTest)
    let readme = readme(steps: [
      "Name this folder in your application's CMakeLists.txt, ahead of `find_package(Zephyr …)`: "
        + "`list(APPEND EXTRA_ZEPHYR_MODULES /path/to/this/folder)`. Or add it to your west manifest.",
      "Put `CONFIG_\(symbol)=y` into prj.conf and `#include <\(name).h>`.",
      "`west build -b native_sim -t run samples/\(examples[0].folder)` tries it on this machine.",
    ])
    var files = [
      GeneratedFile(name: "zephyr/module.yml", text: module),
      GeneratedFile(name: "zephyr/CMakeLists.txt", text: cmake),
      GeneratedFile(name: "zephyr/Kconfig", text: kconfig), readme,
    ]
    for example in examples {
      let application = """
        \(originLine)
        cmake_minimum_required(VERSION 3.20.0)
        list(APPEND EXTRA_ZEPHYR_MODULES ${CMAKE_CURRENT_LIST_DIR}/../..)
        find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})
        project(\(name)_\(example.folder) C)
        target_sources(app PRIVATE src/main.c)

        """
      var configuration = "CONFIG_\(symbol)=y\n"
      if example == .selfTest { configuration += "CONFIG_\(symbol)_SELFTEST=y\n" }
      let folder = "samples/\(example.folder)"
      files += [
        GeneratedFile(name: "\(folder)/CMakeLists.txt", text: application),
        GeneratedFile(name: "\(folder)/prj.conf", text: configuration),
        GeneratedFile(name: "\(folder)/src/main.c", text: program(example)),
      ]
    }
    return files
  }
}
