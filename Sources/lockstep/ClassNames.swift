import CodeGeneration
import Importers
import IntegerProgram
import Network

/// The names of a network's classes, read from a text file: one a line.
struct ClassNames {
  let names: [String]

  private static let largest = 1 << 20
  /// In bytes; C99 promises 4095 for a string.
  private static let longest = 255

  /// Throws where no output of the program tells so many classes apart.
  init(path: String, for program: IntegerProgram) throws(FileError) {
    let bytes = try InputFile.bytes(path: path, limit: Self.largest)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(path: path, reason: "is no text in UTF-8; the names of classes are wanted, one a line")
    }
    // Some editors put a mark ahead of UTF-8.
    let unmarked = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    var lines = unmarked.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    let classes = program.outputs.map { program.values[$0].shape.last ?? 1 }
    guard classes.contains(lines.count) else {
      let told = classes.map(String.init).joined(separator: ", ")
      throw FileError(
        path: path,
        reason: "has \(counted(lines.count, "line")), one a class, but the network tells \(told) classes apart")
    }
    for (index, line) in lines.enumerated() where line.utf8.count > Self.longest {
      throw FileError(path: path, reason: "line \(index + 1) has \(line.utf8.count) bytes; \(Self.longest) are allowed")
    }
    names = lines
  }
}
