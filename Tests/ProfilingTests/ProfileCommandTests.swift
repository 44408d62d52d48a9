import Foundation
import Testing

@testable import DifferentialTesting
@testable import Profiling

/// `lockstep profile`, from end to end.
struct ProfileCommandTests {
  private static let hasArm = DeviceProgram.missing("cortex-m4") == nil

  /// Runs the command on the package's own targets.
  private func run(_ arguments: [String], path: String? = nil) throws -> (status: Int32, output: String, error: String) {
    let process = Process()
    process.executableURL = Place.command
    process.arguments = ["profile"] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["LOCKSTEP_TARGETS"] = Place.package.appending(path: "Targets").path
    if let path { environment["PATH"] = path }
    process.environment = environment
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    try process.run()
    // Errors are a few lines, and fit the pipe.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let words = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text, words)
  }

  private struct Report: Decodable {
    struct Layer: Decodable {
      var step: Int
      var `operator`: String
      var instructions, cycles, estimatedCycles, codeBytes: Int?
      var kinds: [String: Int]?
      var liveBytes: Int
    }
    struct Counts: Decodable { var instructions, cycles, estimatedCycles: Int? }
    struct Arena: Decodable {
      struct Block: Decodable { var label: String, offset, size, firstStep, lastStep: Int, isScratch: Bool }
      var bytes: Int
      var blocks: [Block]
    }
    struct Stack: Decodable { var measured: Int, bound: Int?, isExhausted: Bool, path: [String] }
    struct Code: Decodable { var bytes, constants: Int }
    var format: String
    var method: String?
    var layers: [Layer]
    var between, total: Counts
    var timing: String?
    var code: Code
    var arena: Arena
    var stack: Stack
  }

  private func report(_ arguments: [String]) throws -> Report {
    let result = try run(arguments + ["--json", "-"])
    try #require(result.status == 0, "\(result.error)")
    return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  @Test(
    "the digits on Cortex-M4: layers add up, estimates are there, the stack is within its bound",
    .enabled(if: hasArm, "skipped: Arm's compiler, QEMU or cc is not installed"))
  func digitsOnCortexM4() throws {
    let arguments = [Place.digits.path, "--target", "cortex-m4", "--input", Place.images.path]
    let report = try report(arguments)
    #expect(report.format == "lockstep-profile-1" && report.method == "qemu-plugin" && report.timing != nil)
    let layers = report.layers.compactMap(\.instructions)
    #expect(layers.allSatisfy { $0 > 0 } && layers.count >= 4)
    #expect(layers.reduce(report.between.instructions ?? 0, +) == report.total.instructions)
    let cycles = report.layers.compactMap(\.estimatedCycles)
    #expect(cycles.reduce(report.between.estimatedCycles ?? 0, +) == report.total.estimatedCycles)
    for layer in report.layers where layer.instructions != nil {
      // Each instruction is of one kind; registers and departures come besides.
      let kinds = (layer.kinds ?? [:]).filter { !["multipleRegister", "taken", "popReturn"].contains($0.key) }
      #expect(kinds.values.reduce(0, +) == layer.instructions)
      #expect((layer.estimatedCycles ?? 0) >= (layer.instructions ?? 0) && (layer.codeBytes ?? 0) > 0)
      #expect((1...report.arena.bytes).contains(layer.liveBytes))
    }
    #expect(report.stack.measured > 0 && report.stack.measured <= report.stack.bound ?? 0, "\(report.stack)")
    #expect(report.stack.path.first == "digits_run" && !report.stack.isExhausted)
    #expect(report.code.bytes > 0 && report.code.constants > 0)
    #expect(report.arena.blocks.allSatisfy { $0.offset + $0.size <= report.arena.bytes })
    #expect(report.arena.blocks.contains { $0.firstStep == -1 } && report.arena.blocks.contains { $0.lastStep == report.layers.count })

    // The table has the same total, and every run gives the same.
    let table = try run(arguments)
    #expect(table.status == 0 && table.output.contains("counted") && table.output.contains("estimated"))
    #expect(try run(arguments).output == table.output)
    let small = try self.report(arguments + ["--configuration", "Os"])
    #expect(small.code.bytes < report.code.bytes)
  }

  @Test(
    "the picture is XML with a rectangle a block",
    .enabled(if: hasArm, "skipped: Arm's compiler, QEMU or cc is not installed"))
  func thePicture() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (svg, json) = (folder.appending(path: "arena.svg"), folder.appending(path: "p.json"))
    let result = try run(
      [Place.digits.path, "--target", "cortex-m4", "--svg", svg.path, "--json", json.path])
    #expect(result.status == 0 && result.output.contains("total"), "\(result.error)")
    let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: json))
    let text = String(decoding: try Data(contentsOf: svg), as: UTF8.self)
    #expect(text.hasPrefix("<svg xmlns=") && text.hasSuffix("</svg>\n"))
    #expect(text.components(separatedBy: "<rect ").count - 2 == report.arena.blocks.count)
    for block in report.arena.blocks { #expect(text.contains(": \(block.size) bytes at \(block.offset)</title>")) }
    #expect(text.contains("scratch of step"))
  }

  @Test(
    "cycles on AVR add up, and the stack is within its bound",
    .enabled(
      if: DeviceProgram.missing("avr") == nil && FileManager.default.fileExists(atPath: Place.helloWorld.path),
      "skipped: avr-gcc, simavr or ../shared/data is not there"))
  func helloWorldOnAVR() throws {
    let report = try report([Place.helloWorld.path, "--target", "avr"])
    #expect(report.method == "clock" && report.total.instructions == nil && report.timing == nil)
    let layers = report.layers.compactMap(\.cycles)
    #expect(layers.count == 3 && layers.allSatisfy { $0 > 1000 })
    #expect(layers.reduce(report.between.cycles ?? 0, +) == report.total.cycles)
    #expect((0...300).contains(report.between.cycles ?? -1))
    #expect(report.stack.measured > 0 && report.stack.measured <= report.stack.bound ?? 0, "\(report.stack)")
  }

  @Test(
    "RISC-V has no published table: nothing is estimated",
    .enabled(if: DeviceProgram.missing("rv32imac") == nil, "skipped: RISC-V's compiler, QEMU or cc is not installed"))
  func digitsOnRISCV() throws {
    let arguments = [Place.digits.path, "--target", "rv32imac"]
    let report = try report(arguments)
    #expect(report.method == "qemu-plugin" && report.timing == nil && report.total.estimatedCycles == nil)
    #expect(report.total.instructions ?? 0 > 100_000)
    #expect(report.stack.measured > 0 && report.stack.measured <= report.stack.bound ?? 0, "\(report.stack)")
    #expect(try run(arguments).output.contains("no table of instruction timings"))
  }

  @Test func thisMachineIsNoDevice() throws {
    let result = try run([Place.digits.path, "--target", "host"])
    #expect(result.status == 64 && result.error.contains("a target with a device"), "\(result.error)")
  }

  @Test func wrongUseIsToldWithItsRemedy() throws {
    let both = try run([Place.digits.path, "--target", "cortex-m4", "--json", "-", "--svg", "-"])
    #expect(both.status == 64)
    guard Self.hasArm else { return }
    let configuration = try run([Place.digits.path, "--target", "cortex-m4", "--configuration", "O9"])
    #expect(configuration.status == 64 && configuration.error.contains("O2, Os"), "\(configuration.error)")
  }

  @Test func whatIsNotInstalledIsToldWithItsPackage() throws {
    let result = try run([Place.digits.path, "--target", "cortex-m4"], path: "/nonexistent")
    #expect(result.status == 65 && result.error.contains("gcc-arm-none-eabi"), "\(result.error)")
  }
}
