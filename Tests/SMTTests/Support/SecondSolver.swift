import Foundation
import Testing

/// cvc5, a solver that shares no code with Z3, reading the SMT-LIB text.
enum SecondSolver {
  static let isHere = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/cvc5") }
  static let isAbsent: Comment = "skipped: cvc5 is not installed (Tests/prepare.sh installs it)"

  struct Answer: Equatable {
    /// `sat` or `unsat`.
    var verdict: String
    /// Variables by name, as the solver prints them.
    var values: [String: Int32] = [:]
  }

  static func answer(_ script: String) throws -> Answer {
    let folder = FileManager.default.temporaryDirectory
    let file = folder.appending(path: "lockstep-\(UUID().uuidString).smt2")
    defer { try? FileManager.default.removeItem(at: file) }
    try script.write(to: file, atomically: true, encoding: .utf8)
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "cvc5", "--lang=smt2", "--bitblast=eager", "--bv-print-consts-as-indexed-symbols", "--tlimit=60000", file.path,
    ]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    var answer = Answer(verdict: text.prefix { !$0.isNewline }.description)
    // ((x0 (_ bv3 4)) (x2 (_ bv0 1)))
    if answer.verdict == "sat" {
      let words = text.dropFirst(3).split { " ()\n".contains($0) }.map(String.init)
      for (name, value) in zip(words, words.dropFirst(2)) where name.hasPrefix("x") {
        answer.values[name] = Int32(value.dropFirst(2))
      }
    }
    return answer
  }
}
