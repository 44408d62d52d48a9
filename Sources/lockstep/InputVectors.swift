import ArgumentParser
import Evaluation
import Importers
import IntegerProgram
import Network
import Synchronization

/// How files of inputs are read.
struct InputArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What bytes are for an int8 input: pixels (0 … 255 for −128 … 127), unless given, or codes.",
      discussion: "Also what the whole numbers of a CSV file are: codes, unless given."))
  var bytes: ByteMeaning?

  /// Tells what a file's numbers were taken for, once for each file.
  static func tell(_ note: String?, of path: String) {
    guard let note else { return }
    let file = path.split(separator: "/").last.map(String.init) ?? path
    guard told.withLock({ $0.insert(file + note).inserted }) else { return }
    StandardError.write("\(path.printable()): \(note)\n")
  }
  private static let told = Mutex<Set<String>>([])
}

extension ByteMeaning: ExpressibleByArgument {}

/// The vectors that files hold for a network's inputs, as codes.
struct InputVectors: Sendable {
  let count: Int
  private let inputs: [InputArray]

  /// Reads a file for each network input, in order.
  init(paths: [String], program: IntegerProgram, bytes: ByteMeaning? = nil, isReal: Bool = false) throws {
    try expect(paths.count, "--input", program.inputs, in: program)
    inputs = try zip(program.inputs, paths).map { value, path in
      let array = try InputArray(path: path, for: program.values[value], bytes: bytes, isReal: isReal)
      InputArguments.tell(array.note, of: path)
      return array
    }
    count = inputs.first?.count ?? 0
    for (input, path) in zip(inputs, paths) where input.count != count {
      throw FileError(path: path, reason: "holds \(input.count) vectors, \(paths[0]) \(count)")
    }
  }

  /// For each network input, the codes of one vector.
  func codes(_ vector: Int) -> [[Int32]] { inputs.map { $0.codes(vector) } }

  /// The codes of all vectors.
  var all: [[[Int32]]] { (0..<count).map { codes($0) } }
}

/// Throws where an option is not given once for each of `values`, the network's inputs or outputs.
func expect(_ found: Int, _ option: String, _ values: [Int], in program: IntegerProgram) throws {
  guard found != values.count else { return }
  let names = values.map { "\"\(program.values[$0].name.printable(60))\"" }.joined(separator: ", ")
  throw ValidationError(
    "\(option) is given \(counted(found, "time")); the network needs it \(counted(values.count, "time")): \(names)."
  )
}
