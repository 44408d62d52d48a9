import Foundation

@testable import CodeGeneration

/// Printed scalar functions, compiled into a program that maps arguments on its standard input to results on
/// its standard output: 32-bit integers, for each function a count and then that many calls.
struct CompiledScalars {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private var text = """
    #include <stdint.h>
    #include <stdio.h>
    #include <stdlib.h>

    """
  private var calls: [(name: String, arity: Int)] = []

  /// The functions of `scalars`, of which `names` (with their numbers of parameters) can be called.
  init(_ scalars: ScalarFunctions, calling names: [(name: String, arity: Int)]) {
    let body = scalars.definitions.map(\.text.text).joined(separator: "\n")
    text += CHelpers.definitions(prefix: scalars.prefix, calledBy: body).map(\.text).joined(separator: "\n")
    text += body
    calls = names
    for (index, call) in names.enumerated() {
      let arguments = (0..<call.arity).map { "a[\($0)]" }.joined(separator: ", ")
      text +=
        "static int32_t call_\(index)(const int32_t *a) { return (int32_t)\(call.name)(\(arguments)); }\n"
    }
    text += "static const struct { int32_t (*call)(const int32_t *); size_t arity; } calls[] = {\n"
    text += names.indices.map { "  {call_\($0), \(names[$0].arity)}" }.joined(separator: ",\n")
    text += """

      };

      int main(void)
      {
        size_t i;
        for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
          int32_t count;
          if (fread(&count, sizeof count, 1, stdin) != 1) return 1;
          while (count-- > 0) {
            int32_t arguments[8];
            int32_t result;
            if (fread(arguments, sizeof arguments[0], calls[i].arity, stdin) != calls[i].arity) return 1;
            result = calls[i].call(arguments);
            if (fwrite(&result, sizeof result, 1, stdout) != 1) return 1;
          }
        }
        return fclose(stdout) != 0;
      }

      """
  }

  /// The results of calling each function with its `arguments`, tuple after tuple.
  func run(_ arguments: [[Int32]], compiler: String, options: [String]) throws -> [[Int32]] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "scalars-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "scalars.c")
    let program = folder.appending(path: "scalars")
    try Data(text.utf8).write(to: source)
    try Self.run(
      "/usr/bin/env",
      [
        compiler, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion",
        "-Wshadow", "-Werror",
      ] + options + [source.path(), "-o", program.path()])

    var input: [Int32] = []
    for (call, values) in zip(calls, arguments) {
      input.append(Int32(values.count / call.arity))
      input += values
    }
    let inputFile = folder.appending(path: "arguments")
    let outputFile = folder.appending(path: "results")
    try input.withUnsafeBytes { Data($0) }.write(to: inputFile)
    try Data().write(to: outputFile)
    try Self.run(
      program.path(), [], input: FileHandle(forReadingFrom: inputFile),
      output: FileHandle(forWritingTo: outputFile))
    let output = try Data(contentsOf: outputFile).withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }

    var results: [[Int32]] = []
    var start = 0
    for (call, values) in zip(calls, arguments) {
      let end = start + values.count / call.arity
      guard end <= output.count else {
        throw Failure(description: "the program wrote \(output.count) results")
      }
      results.append(Array(output[start..<end]))
      start = end
    }
    return results
  }

  private static func run(
    _ command: String, _ arguments: [String], input: FileHandle = .nullDevice,
    output: FileHandle = .nullDevice
  ) throws {
    let errors = FileManager.default.temporaryDirectory.appending(path: "scalars-\(UUID().uuidString).txt")
    try Data().write(to: errors)
    defer { try? FileManager.default.removeItem(at: errors) }
    let process = Process()
    process.executableURL = URL(filePath: command)
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      let text = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
      throw Failure(description: "\(command) \(arguments.first ?? ""): \(text.prefix(500))")
    }
  }
}
