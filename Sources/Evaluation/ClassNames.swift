import Importers
import IntegerProgram
import Network
import Reporting

/// The names of a network's classes.
public struct ClassNames: Sendable {
  public let names: [String]

  private static let largest = 1 << 20
  /// In bytes; C99 promises 4095 for a string.
  private static let longest = 255

  /// Reads a text file, one name a line. `counts` are the numbers of classes that outputs tell apart; throws where the
  /// lines are none of them.
  public init(path: String, counts: [Int]) throws(FileError) {
    let bytes = try InputFile.bytes(path: path, limit: Self.largest)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(path: path, reason: "is no text in UTF-8; the names of classes are wanted, one a line")
    }
    let lines = ModelClassNames.lines(of: text)
    if let fault = Self.fault(lines, counts) { throw FileError(path: path, reason: fault) }
    names = lines
  }

  /// The names of the user's file where there is one, else those of the model.
  public static func chosen(
    file: String?, own: ModelClassNames, counts: [Int]
  ) throws(FileError) -> (names: [String]?, warning: String?) {
    guard let file else { return of(own, counts: counts) }
    return (try ClassNames(path: file, counts: counts).names, nil)
  }

  /// The names in a model's own metadata; nil, and perhaps a warning, where there are none that fit.
  public static func of(_ own: ModelClassNames, counts: [Int]) -> (names: [String]?, warning: String?) {
    let faults = own.lists.map { (list: $0, fault: fault($0.names, counts)) }
    if let fitting = faults.first(where: { $0.fault == nil }) { return (fitting.list.names, nil) }
    let reason = own.fault ?? faults.first.map { "\"\($0.list.source.printable(60))\" in it \($0.fault ?? "")" }
    return (nil, reason.map { "\($0): its names of classes are left out (--class-names FILE gives others)" })
  }

  /// The numbers of classes that a program's outputs tell apart.
  public static func counts(of program: IntegerProgram) -> [Int] {
    program.callOutputs.map { program.values[$0].shape.last ?? 1 }
  }

  private static func fault(_ names: [String], _ counts: [Int]) -> String? {
    guard counts.contains(names.count) else {
      let told = counts.map(String.init).joined(separator: ", ")
      return "has \(counted(names.count, "line")), one a class, but the network tells \(told) classes apart"
    }
    guard let long = names.firstIndex(where: { $0.utf8.count > longest }) else { return nil }
    return "line \(long + 1) has \(names[long].utf8.count) bytes; \(longest) are allowed"
  }
}
