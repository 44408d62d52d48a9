import Foundation

/// A run of a command, to its end.
struct CommandRun {
  let status: Int32
  let output: String
  let error: String

  /// Runs `lockstep` with these arguments.
  init(_ arguments: String...) throws { try self.init(Place.command, arguments) }
  init(_ arguments: [String]) throws { try self.init(Place.command, arguments) }

  init(_ executable: URL, _ arguments: [String]) throws {
    // Through files, since two full pipes would wait for each other.
    let folder = try TemporaryFolder()
    try folder.write([], "output")
    try folder.write([], "error")
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.standardOutput = try FileHandle(forWritingTo: folder.url.appending(path: "output"))
    process.standardError = try FileHandle(forWritingTo: folder.url.appending(path: "error"))
    try process.run()
    process.waitUntilExit()
    // A signal is no exit status, but must not pass for one.
    status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    output = String(decoding: try folder.read("output"), as: UTF8.self)
    error = String(decoding: try folder.read("error"), as: UTF8.self)
  }
}
