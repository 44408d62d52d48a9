import CodeGeneration
import Foundation

/// Builds a test program for a device and runs it there, or rather on what emulates it.
package struct DeviceBuild {
  package let device: Target.Device
  package let build: BuildConfiguration
  /// The name of the source with `main`, in the folder of the build; and further sources.
  package var driver = Self.testDriver
  package var extraSources: [String] = []

  package enum LinkResult {
    case linked
    /// What the network takes, and the linker's words on which memory is too small.
    case doesNotFit(String)
    case failed(String)
  }

  /// Links the objects with the driver and the target's own sources.
  package func link(_ objects: [String], in folder: URL, to program: String) throws -> LinkResult {
    let includes = ["-I."] + (device.includes ?? []).map { "-I" + $0 }
    let files = objects + [driver] + extraSources + device.sources
    let result = try Command.run(
      build.compiler,
      build.configuration.flags + includes + files + device.linkArguments + (device.libraries ?? []) + ["-o", program],
      in: folder)
    if result.status == 0 { return .linked }
    // GNU ld's words: "region `FLASH' overflowed by 20 bytes", "address 0x800810 of a.elf section `.bss' is not within
    // region `data'".
    let overflows = result.error.split(separator: "\n")
      .filter { $0.contains("overflowed by") || $0.contains("is not within region") }
      .compactMap { line in
        (line.range(of: "address 0x") ?? line.range(of: "region `")).map { String(line[$0.lowerBound...]) }
      }
    guard !overflows.isEmpty else { return .failed(result.error) }
    let size = CompiledSize(build: build, objects: objects, in: folder)
    return .doesNotFit(
      "the network takes \(size.codeBytes) bytes of code and \(size.constantBytes) of constants, and with its test "
        + "program " + Set(overflows).sorted().joined(separator: ", "))
  }

  static let testDriver = "device-driver.c"
  /// The bytes of inputs that an image holds at a time where they are part of it.
  static let imageInputBytes = 4096
  /// Tests take seconds, but code gone wrong may never end.
  private static let secondsLimit = 600

  /// Runs a program on `inputs`; what it gives goes to `output`, a file not called `outputs` in `folder`. `extra` are
  /// more arguments of what runs it, such as an emulator's `-icount shift=0`. Returns why that failed, where it did.
  package func run(
    _ program: String, objects: [String], inputs: [UInt8], in folder: URL, output: URL, extra: [String] = []
  ) throws -> String? {
    switch device.transport {
    case .semihosting: try runBySemihosting(program, inputs, in: folder, output: output, extra: extra)
    case .serial: try runBySerial(program, objects, inputs, in: folder, output: output, extra: extra)
    }
  }

  private func runBySemihosting(
    _ program: String, _ inputs: [UInt8], in folder: URL, output: URL, extra: [String]
  ) throws -> String? {
    let outputs = folder.appendingPathComponent("outputs")
    try Data().write(to: outputs)
    try Data(inputs).write(to: folder.appendingPathComponent("inputs"))
    let command = command(program, in: folder, extra)
    let result = try Command.run(
      command[0], Array(command.dropFirst()), in: folder, secondsLimit: Self.secondsLimit)
    try? FileManager.default.removeItem(at: output)
    try FileManager.default.moveItem(at: outputs, to: output)
    return Self.failure(result, words: result.error)
  }

  private func runBySerial(
    _ program: String, _ objects: [String], _ inputs: [UInt8], in folder: URL, output: URL, extra: [String]
  ) throws -> String? {
    try writeInputs(inputs, in: folder)
    let program = program + "-with-inputs"
    switch try link(objects, in: folder, to: program) {
    case .linked: break
    case .doesNotFit(let words): return "the image with its test inputs does not fit: \(words)"
    case .failed(let error): return "the image with its test inputs does not link:\n\(error)"
    }
    let said = folder.appendingPathComponent("said")
    let command = command(program, in: folder, extra)
    var result = try Command.run(
      command[0], Array(command.dropFirst()), in: folder, output: said, errorsToOutput: true,
      secondsLimit: Self.secondsLimit)
    let text = String(decoding: try Data(contentsOf: said), as: UTF8.self)
    let heard = SerialText(text)
    try Data(heard.bytes).write(to: output)
    let words = "its last words:\n" + String(text.suffix(400))
    guard result.status == 0, !result.isTimedOut else { return Self.failure(result, words: words) }
    guard let status = heard.status else { return "the program never said that it ended; \(words)" }
    result.status = status
    return Self.failure(result, words: words)
  }

  /// The command line that runs a program.
  private func command(_ program: String, in folder: URL, _ extra: [String]) -> [String] {
    let path = folder.appendingPathComponent(program).path
    return device.run.map { $0.replacingOccurrences(of: "{program}", with: path) } + extra
  }

  private static func failure(_ result: Command.Result, words: String) -> String? {
    if result.isTimedOut { return "the program did not end within \(secondsLimit) seconds\n\(words)" }
    guard result.status != 0 else { return nil }
    return "the program ended with status \(result.status)"
      + (DeviceDriver.Status.text(result.status).map { ": \($0)" } ?? "") + "\n\(words)"
  }

  /// Writes the inputs as the image takes them.
  package func writeInputs(_ inputs: [UInt8], in folder: URL) throws {
    let text = inputs.map(String.init).joined(separator: ",") + "\n"
    try Data(text.utf8).write(to: folder.appendingPathComponent("inputs.inc"))
  }
}

/// What came over a serial port: lines of a colon and hexadecimal, at last `end` and the status. Emulators colour what
/// they pass on and add lines of their own.
struct SerialText {
  private(set) var bytes: [UInt8] = []
  private(set) var status: Int32?

  init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let plain = Self.withoutEscapes(line)
      if plain.hasPrefix(":") {
        var digits = plain.dropFirst().prefix(while: \.isHexDigit)
        while digits.count >= 2, let byte = UInt8(digits.prefix(2), radix: 16) {
          bytes.append(byte)
          digits = digits.dropFirst(2)
        }
      } else if plain.hasPrefix("end ") {
        status = Int32(plain.dropFirst(4).prefix(2), radix: 16)
      }
    }
  }

  /// A line without sequences such as ESC [ 32 m.
  private static func withoutEscapes(_ line: Substring) -> String {
    var plain = ""
    var isEscape = false
    for character in line {
      if character == "\u{1B}" {
        isEscape = true
      } else if isEscape {
        isEscape = !character.isLetter
      } else {
        plain.append(character)
      }
    }
    return plain
  }
}
