import ArgumentParser
import Evaluation
import Importers
import IntegerProgram
import Synchronization

/// How files of inputs are read, for every command that reads some.
struct InputArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What bytes are for an int8 input: pixels (0 … 255 for −128 … 127), unless given, or codes.",
      discussion: "Also what the whole numbers of a CSV file are: codes, unless given."))
  var bytes: ByteMeaning?

  var meaning: InputMeaning { InputMeaning(bytes: bytes) }

  /// The vectors in files for a network's inputs; what their numbers are taken for is told.
  func vectors(_ paths: [String], of program: IntegerProgram) throws -> InputVectors {
    let vectors = try InputVectors(paths: paths, program: program, meaning: meaning)
    try Self.take(vectors.files, meaning)
    return vectors
  }

  /// Tells what the numbers of files were taken for, and throws where the options say nothing of them.
  static func take(_ files: [(path: String, array: InputArray)], _ meaning: InputMeaning) throws {
    try meaning.expectBytes(in: files)
    for (path, array) in files { tell(array.note, of: path) }
  }

  /// Throws where --bytes is given and no file of inputs is.
  func expectFiles(_ paths: [String]) throws {
    guard bytes != nil, paths.isEmpty else { return }
    throw ValidationError("--bytes says what the bytes of an input file are, and none is given; leave it out.")
  }

  /// Tells what a file's numbers, or an option, were taken for, once for each.
  static func tell(_ note: String?, of path: String) {
    guard let note else { return }
    let file = path.split(separator: "/").last.map(String.init) ?? path
    guard told.withLock({ $0.insert(file + note).inserted }) else { return }
    StandardError.write("\(path.printable()): \(note)\n")
  }
  private static let told = Mutex<Set<String>>([])
}

/// Samples with their classes, and which of them are meant.
struct SampleArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Samples: .npy, .npz, IDX, PNG or CSV, or a folder of PNG.", valueName: "file"))
  var images: String?

  @Option(help: ArgumentHelp("The samples' classes, a list of whole numbers.", valueName: "file"))
  var labels: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Which samples, each once; all unless given.", valueName: "0-99,120"),
    transform: IndexList.init)
  var samples: IndexList?

  @OptionGroup var inputs: InputArguments
}

extension ByteMeaning: ExpressibleByArgument {}

extension PixelRange: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
