import Importers
import IntegerProgram
import Network
import Reporting

/// The vectors that files hold for a network's inputs, as codes.
public struct InputVectors: Sendable {
  public let count: Int
  /// The files and what they hold, in the order of the inputs.
  public let files: [(path: String, array: InputArray)]

  /// Reads a file for each network input, in order.
  public init(paths: [String], program: IntegerProgram, meaning: InputMeaning = InputMeaning()) throws {
    try program.expect(paths.count, "--input", Array(program.callInputs))
    files = try zip(program.callInputs, paths).map { value, path in
      (path, try InputArray(path: path, for: program.values[value], meaning: meaning))
    }
    count = files.first?.array.count ?? 0
    for (path, input) in files where input.count != count {
      throw FileError(path: path, reason: "holds \(input.count) vectors, \(paths[0]) \(count)")
    }
  }

  /// For each network input, the codes of one vector.
  public func codes(_ vector: Int) -> [[Int32]] { files.map { $0.array.codes(vector) } }

  /// The codes of all vectors.
  public var all: [[[Int32]]] { (0..<count).map { codes($0) } }
}

extension IntegerProgram {
  /// Throws where an option is not given once for each of `values`, the network's inputs or outputs.
  public func expect(_ found: Int, _ option: String, _ values: [Int]) throws(UsageError) {
    guard found != values.count else { return }
    let names = values.map { "\"\(self.values[$0].name.printable(60))\"" }.joined(separator: ", ")
    throw UsageError(
      "\(option) is given \(counted(found, "time")); the network needs it \(counted(values.count, "time")): \(names).")
  }
}
