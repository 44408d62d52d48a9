extension Target {
  /// A microcontroller, or what emulates one: its memories, and how a test program gets onto it.
  public struct Device: Sendable, Decodable {
    /// A memory: `origin` is its first address, a number as C writes it.
    public struct Memory: Sendable, Decodable {
      public var origin: String
      public var bytes: Int
    }

    /// How inputs and outputs of a test travel.
    public enum Transport: String, Sendable, Decodable, CaseIterable {
      /// As the files `inputs` and `outputs` in the folder where the program is run.
      case semihosting
      /// Inputs as part of the image (`inputs.inc`), outputs as hexadecimal in what `run` prints.
      case serial
    }

    public var flash: Memory
    public var ram: Memory
    /// Whether constants take RAM as well as flash.
    public var constantsInRAM: Bool?
    /// RAM that is kept for the stack.
    public var stackBytes: Int
    /// Nil for the compiler's own.
    public var linkerScript: String?
    /// Start-up and runner, compiled with each test program.
    public var sources: [String]
    public var includes: [String]?
    public var linkFlags: [String]
    /// What comes last on the linker's command line.
    public var libraries: [String]?
    public var transport: Transport
    /// The command that runs a program, which `{program}` stands for.
    public var run: [String]
    /// How executed instructions or cycles are counted; nil where they are not.
    public var profile: Profile?
    /// The cycles of the core's instructions; nil where no table is published.
    public var timing: Timing?

    public struct Profile: Sendable, Decodable {
      /// The C source of a plugin for the QEMU that runs programs, which counts instructions.
      public var plugin: String?
      /// C sources compiled into the program, which count cycles: `runner_clock` and `runner_start_clock`.
      public var sources: [String]?
    }

    /// The linker's command line but for the objects: the memories' figures are symbols, which a linker script reads.
    public var linkArguments: [String] {
      let symbols = [
        ("flash_origin", flash.origin), ("flash_bytes", "\(flash.bytes)"), ("ram_origin", ram.origin),
        ("ram_bytes", "\(ram.bytes)"), ("stack_bytes", "\(stackBytes)"),
      ]
      return symbols.map { "-Wl,--defsym=lockstep_\($0)=\($1)" } + (linkerScript.map { ["-T", $0] } ?? []) + linkFlags
    }

    /// The memories, as messages tell them.
    public var memoryText: String {
      "\(flash.bytes) bytes of flash and \(ram.bytes) of RAM, \(stackBytes) of them for the stack"
    }
  }

  /// A core's published instruction timing.
  public struct Timing: Sendable, Decodable {
    /// The kinds of instructions that have timings of their own.
    public enum Kind: String, Sendable, CaseIterable {
      /// Data processing, multiplications and divisions. What is long has a result of 64 bits.
      case simple, multiply, multiplyAccumulate, multiplyLong, multiplyLongAccumulate, divide
      /// Single loads and stores. What stands directly behind a load, and does not take its address from it, is counted
      /// apart, since the two may overlap.
      case load, loadBehindLoad, store, storeRegisterOffset, storeBehindLoad, loadDouble, storeDouble
      /// Loads and stores of several registers, and besides each register of them.
      case multiple, multipleRegister
      case branch, call, tableBranch
      /// What comes to any instruction after which the program goes on elsewhere, and what comes besides to a POP that
      /// returns.
      case taken, popReturn
      /// Special registers and barriers; floating-point and vector instructions.
      case system, coprocessor
    }

    /// Where the figures are from, and what is assumed where that gives a range.
    public var source: String
    /// By the names of `Kind`; 1 for those not named.
    public var cycles: [String: Double]
  }

  /// Why a network with so many bytes of tables and such an arena cannot be on the device, however small its code; nil
  /// where that does not rule it out.
  public func shortfall(tableBytes: Int, arenaBytes: Int) -> String? {
    guard let device else { return nil }
    var reasons: [String] = []
    if tableBytes > device.flash.bytes {
      reasons.append("its constant tables alone take \(tableBytes) bytes of flash")
    }
    let constants = device.constantsInRAM == true ? tableBytes : 0
    if arenaBytes + constants + device.stackBytes > device.ram.bytes {
      let parts =
        ["\(arenaBytes) for the arena"] + (constants > 0 ? ["\(constants) for constants"] : [])
        + ["\(device.stackBytes) for the stack"]
      reasons.append(
        "it takes \(arenaBytes + constants + device.stackBytes) bytes of RAM (\(parts.joined(separator: ", ")))")
    }
    return reasons.isEmpty ? nil : shortfallText(reasons)
  }

  /// The message that a network does not fit, for these reasons.
  package func shortfallText(_ reasons: [String]) -> String {
    "the network does not fit the target \(name)" + (device.map { ", which has \($0.memoryText)" } ?? "")
      + ": \(reasons.joined(separator: "; ")). Take a smaller network or a larger device; a target.json of your own "
      + "(\"basedOn\": \"\(name)\") may give other sizes"
  }
}
