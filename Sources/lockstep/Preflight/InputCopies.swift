import Foundation
import Importers

/// The files that the gate is given, as copies in the folder of evidence, and the command line about these.
struct InputCopies {
  /// The options that say what is looked at, with the paths of the copies. They make the same command again.
  let arguments: [String]
  private let copies: [Copied]

  /// A file, or a folder of pictures, and the path of its copy.
  private struct Copied {
    var source, copy: String
    var isFolder: Bool
  }

  /// `siblings` are files that hold a part of the model, by their paths from its folder.
  init(_ command: PreflightCommand, siblings: [String] = []) {
    var copies: [Copied] = []
    var arguments: [[UInt8]] = []
    /// The path by which a command names the copy of what it names by `file` and, in an archive, `member`.
    func copied(_ file: String, member: String? = nil, isFolder: Bool = false, into folder: String) -> String {
      let source = file.hasPrefix("/") ? file : FileManager.default.currentDirectoryPath + "/" + file
      let ending = member.map { ":" + $0 } ?? ""
      // Names are bytes: letters that look the same are not.
      if let known = copies.first(where: { $0.source.utf8.elementsEqual(source.utf8) }) { return known.copy + ending }
      // Names stay, since questions are called by them.
      var name = file.split(separator: "/").last.map(String.init) ?? "file"
      if [".", ".."].contains(name) { name = "pictures" }
      var (number, copy) = (1, "")
      repeat {
        copy = (number == 1 ? folder : "\(folder)-\(number)") + "/" + name
        number += 1
      } while copies.contains { $0.copy.utf8.elementsEqual(copy.utf8) } || arguments.contains(Array((copy + ending).utf8))
      copies.append(Copied(source: source, copy: copy, isFolder: isFolder))
      arguments.append(Array((copy + ending).utf8))
      return copy + ending
    }
    var words: [String] = []
    func add(_ option: String, _ value: String?) { if let value { words += ["--" + option, value] } }
    func addFile(_ option: String, _ path: String?) { add(option, path.map { copied($0, into: "inputs") }) }
    func addArray(_ option: String, _ path: String?) {
      guard let place = path.map(ArrayPath.init) else { return }
      add(option, copied(place.file, member: place.member, isFolder: place.isFolder, into: "inputs"))
    }
    if let model = command.model {
      words.append("./" + copied(model, into: "model"))
      let folder = copies[0].source.lastIndex(of: "/").map { copies[0].source[...$0] } ?? ""
      for sibling in siblings {
        copies.append(Copied(source: folder + sibling, copy: "model/" + sibling, isFolder: false))
      }
    }
    add("target", command.target)
    if command.optimize != .speed { add("optimize", command.optimize.rawValue) }
    if command.weights != .automatic { add("weights", command.weights.rawValue) }
    add("configuration", command.configuration)
    for path in command.input { addArray("input", path) }
    if command.input.isEmpty { add("random", "\(command.random)") }
    add("seed", "\(command.seed)")
    add("timeout", "\(command.timeout)")
    let questions = command.questions
    for path in questions.properties { addFile("property", path) }
    addArray("images", questions.images)
    addArray("labels", questions.labels)
    add("samples", questions.samples?.text)
    add("epsilon", questions.epsilon?.text)
    addArray("radii", questions.radii)
    addArray("mask", questions.mask)
    add("clip", questions.clip.map { "\($0.range.lowerBound)-\($0.range.upperBound)" })
    if questions.real { words.append("--real") }
    add("bytes", questions.inputs.bytes?.rawValue)
    add("threshold", questions.threshold.map { "\($0)" })
    add("top-k", questions.topK.map { "\($0)" })
    if questions.allowMisclassified { words.append("--allow-misclassified") }
    if command.lowering.rounding != .tfliteDouble { add("rounding", command.lowering.rounding.rawValue) }
    if let signature = command.lowering.signature { add("signature", signature) }
    if command.lowering.scaleProduct != .double { add("scale-product", command.lowering.scaleProduct.rawValue) }
    self.arguments = words
    self.copies = copies
  }

  /// All files that a command names, those in folders among them.
  static func paths(of command: PreflightCommand) throws(FileError) -> [String] {
    let questions = command.questions
    let arrays = [questions.images, questions.labels, questions.radii, questions.mask].compactMap { $0 } + command.input
    var paths = [command.model].compactMap { $0 } + questions.properties
    for array in arrays { paths += try ArrayPath(array).files() }
    return paths
  }

  private static let largest = 4 << 30

  /// Copies the files into the working folder; returns the command that is about them.
  func command() throws -> PreflightCommand {
    for copied in copies {
      let files = copied.isFolder ? try ArrayPath(copied.source).files() : [copied.source]
      for file in files {
        let name = file.split(separator: "/").last.map(String.init) ?? ""
        try Self.copy(file, to: copied.isFolder ? "\(copied.copy)/\(name)" : copied.copy)
      }
    }
    return try PreflightCommand.about(arguments)
  }

  private static func copy(_ source: String, to copy: String) throws {
    if let slash = copy.lastIndex(of: "/") { try OutputFiles.makeFolder(String(copy[..<slash])) }
    var status = stat()
    guard stat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path: source, reason: "is no plain file, of which the evidence could have a copy")
    }
    let bytes = try InputFile.bytes(path: source, limit: largest)
    try OutputFiles.whole { try $0.add(bytes, at: copy) }
  }
}
