extension CodeGenerator {
  /// The files of an Arduino library (specification 1.5) beside its code.
  func arduinoFiles(hasSelfTest: Bool) -> [GeneratedFile] {
    let (name, library) = (options.names.prefix, options.names.library)
    let properties = """
      \(originLine)
      # Before you publish it, author, maintainer and url are to become yours.
      name=\(library)
      version=\(libraryVersion)
      author=Lockstep
      maintainer=Lockstep
      sentence=\(sentence)
      paragraph=\(figures) No floating point, no heap, no static variables.
      category=Data Processing
      url=https://example.org/\(library)
      architectures=*
      includes=\(name).h

      """
    let examples = examples(hasSelfTest: hasSelfTest)
    let readme = readme(steps: [
      "Put this folder into the `libraries` folder of your sketchbook as `\(library)`, or zip it and take \"Add .ZIP "
        + "Library\" in the IDE.",
      "Open File, Examples, \(library), \(examples[0].title), and upload it; the serial monitor, at 115200 baud, shows "
        + (hasSelfTest ? "PASS, or the first step that went wrong." : "the output codes."),
      "On AVR boards (Uno, Nano, Mega) constants lie in RAM too; the self-test takes some more.",
    ])
    return [GeneratedFile(name: "library.properties", text: properties), readme]
      + examples.map { GeneratedFile(name: "examples/\($0.title)/\($0.title).ino", text: sketch($0)) }
  }
}
