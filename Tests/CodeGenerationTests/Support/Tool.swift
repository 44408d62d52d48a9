import Foundation

/// Other programs: compilers, their tools, and what they make.
enum Tool {
  struct Run {
    let status: Int32
    let output: Data
    let error: String

    var text: String { String(decoding: output, as: UTF8.self) }
    /// All that the program said.
    var report: String { text + error }
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func exists(_ name: String) -> Bool {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  }

  /// The C compilers that the generated code is promised to compile with, as far as they are here.
  static let compilers = ["gcc", "clang"].filter { exists($0) }

  /// A compiler that takes C++, without need of its library.
  static let cppCompiler = ["g++", "clang++", "clang"].first { name in
    guard exists(name), let folder = try? TemporaryFolder(), (try? folder.write("int i;\n", "a.cpp")) != nil else {
      return false
    }
    return (try? run(name, ["-fsyntax-only", "a.cpp"], in: folder).status) == 0
  }

  /// Runs a program to its end, in a folder.
  static func run(_ program: String, _ arguments: [String], in folder: TemporaryFolder) throws -> Run {
    // Through files, since two full pipes would wait for each other.
    let id = UUID().uuidString
    let (output, error) = (folder.url.appending(path: "\(id).out"), folder.url.appending(path: "\(id).err"))
    defer { for file in [output, error] { try? FileManager.default.removeItem(at: file) } }
    for file in [output, error] { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = folder.url
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    try start(process)
    process.waitUntilExit()
    // A signal is no exit status, but must not pass for one.
    let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    return Run(
      status: status, output: try Data(contentsOf: output),
      error: String(decoding: try Data(contentsOf: error), as: UTF8.self))
  }

  /// Starts a process with no signal blocked. The threads of a pool block theirs, a program inherits that, and some, CMake
  /// among them, then wait for ever for the ends of their own.
  private static func start(_ process: Process) throws {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Runs a program that must succeed.
  @discardableResult
  static func check(_ program: String, _ arguments: [String], in folder: TemporaryFolder) throws -> Run {
    let result = try run(program, arguments, in: folder)
    guard result.status == 0 else {
      let words = ([program] + arguments).joined(separator: " ")
      throw Failure(description: "\(words): status \(result.status)\n\(result.report.prefix(3000))")
    }
    return result
  }
}
