import DifferentialTesting
import Foundation

/// What runs trials of instructions in QEMU: many in one image, whose results the image writes to a file.
struct QEMUBench {
  /// What the names of the assembler and the linker begin with.
  var tools: String
  var assemblerOptions: [String] = []
  var linkerOptions: [String]
  var emulator: String
  var machine: [String]

  var missing: String? { ["\(tools)-as", "\(tools)-ld", emulator].first { !Command.exists($0) } }

  /// What the program of `source` writes into the file `out`; it may take in `files` by their names.
  func output(_ source: String, files: [String: [UInt8]]) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(source.utf8).write(to: folder.appendingPathComponent("trials.s"))
    for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
    let semihosting = ["-semihosting-config", "enable=on,target=native", "-kernel", "trials.elf"]
    let quiet = ["-display", "none", "-monitor", "none", "-serial", "none"]
    let commands = [
      ["\(tools)-as"] + assemblerOptions + ["trials.s", "-o", "trials.o"],
      ["\(tools)-ld"] + linkerOptions + ["trials.o", "-o", "trials.elf"], [emulator] + machine + quiet + semihosting,
    ]
    for command in commands {
      let result = try Command.run(command[0], Array(command.dropFirst()), in: folder, secondsLimit: 300)
      if result.isTimedOut || result.status != 0 { throw Failure(words: "\(command[0]): \(result.error)") }
    }
    return try [UInt8](Data(contentsOf: folder.appendingPathComponent("out")))
  }

  struct Failure: Error { var words: String }
}

extension SeededGenerator {
  /// Numbers near the ends of ranges are where instructions differ.
  mutating func machineWord() -> UInt32 {
    switch UInt8.random(in: 0..<8, using: &self) {
    case 0: UInt32(truncatingIfNeeded: Int32.random(in: -3...3, using: &self))
    case 1: 0x7FFF_FFFE &+ UInt32.random(in: 0...3, using: &self)
    case 2: UInt32.random(in: 0...3, using: &self) << 15 &- 1 | UInt32.random(in: 0...3, using: &self) << 31
    default: UInt32(truncatingIfNeeded: next())
    }
  }
}

extension [UInt8] {
  /// The word, lowest byte first, at a place.
  func word(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(self[place + $1]) << UInt32(8 * $1) } }

  init(words: [UInt32]) {
    self = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
  }
}

/// How many trials of each core: a sample, unless the environment says otherwise (Tests/semantics.sh).
enum TrialCount {
  static let perCore = ProcessInfo.processInfo.environment["LOCKSTEP_TRIALS"].flatMap { Int($0) } ?? 2000
  /// As many as an image holds.
  static let perImage = 10_000

  static var images: [Int] {
    stride(from: 0, to: perCore, by: perImage).map { Swift.min(perImage, perCore - $0) }
  }

  /// Says how far it is where there is much to do.
  static func tell(_ words: String) {
    if perCore > perImage { FileHandle.standardError.write(Data((words + "\n").utf8)) }
  }
}
