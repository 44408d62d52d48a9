import CodeGeneration
import DifferentialTesting
import Foundation

/// QEMU's plugin that counts blocks of code, made for one program.
struct BlockPlugin {
  /// What the emulator's command line takes besides.
  let arguments: [String]
  private let file: URL
  private let isThumb: Bool
  private let steps: Int
  private let timing: Target.Timing?

  private static let compilers = ["cc", "gcc", "clang"]

  /// Compiles the plugin's source in `folder`, for a linked program whose `main` calls the function `run`, which calls the
  /// functions `steps` in this order.
  init(
    source: String, timing: Target.Timing?, folder: URL, program: ObjectFile, run: String, steps: [String]
  ) throws {
    guard let compiler = Self.compilers.first(where: Command.exists) else {
      throw ProfileError.missing(
        "counting instructions takes a C compiler of this machine, for a plugin of QEMU's, and cc is not installed; "
          + "install Debian's package gcc")
    }
    let result = try Command.run(
      compiler, ["-std=c99", "-O2", "-shared", "-fPIC", source, "-o", "blocks.so"], in: folder)
    guard result.status == 0 else {
      throw ProfileError.failure("\(compiler) does not compile \(source):\n\(result.error)")
    }
    let isThumb = InstructionSet(machine: program.machine) == .thumb
    // The lowest bit of an address on Arm says that it is Thumb.
    func address(_ function: ObjectFile.Symbol) -> Int { isThumb ? function.address & ~1 : function.address }
    func hexadecimal(_ number: Int) -> String { String(number, radix: 16) }
    func ranges(_ key: String, _ name: String) throws -> [String] {
      let functions = program.functions(named: name)
      guard !functions.isEmpty else { throw ProfileError.failure("the linked program has no function \(name)") }
      return functions.map { "\(key)=\(hexadecimal(address($0)))-\(hexadecimal(address($0) + $0.bytes))" }
    }
    // Compilers make one function of two that are the same; the plugin then takes any step's for it.
    let entries = steps.map { name in
      "step=" + (program.functions(named: name).first.map { hexadecimal(address($0)) } ?? "0")
    }
    let words =
      ["./blocks.so", "output=blocks"] + (try ranges("run", run)) + (try ranges("outside", "main")) + entries
    arguments = ["-plugin", words.joined(separator: ",")]
    file = folder.appendingPathComponent("blocks")
    self.steps = steps.count
    self.isThumb = isThumb
    self.timing = timing
  }

  /// What the run counted: of each step that runs, then of the function that calls them.
  func counts() throws -> [Profile.Count] {
    guard let text = try? String(decoding: Data(contentsOf: file), as: UTF8.self), let counted = BlockCounts(text) else {
      throw ProfileError.failure("the emulator wrote no counts: it may be built without plugins")
    }
    guard counted.entered == steps else {
      throw ProfileError.failure(
        "of \(steps) steps, \(counted.entered) were seen to begin: the compiler made the others part of their caller, so "
          + "that what they execute cannot be told apart")
    }
    var mixes = [InstructionMix](repeating: InstructionMix(), count: steps + 1)
    for block in counted.blocks where block.owner <= steps {
      if isThumb { mixes[block.owner].add(block) } else { mixes[block.owner].addUnread(block) }
    }
    return mixes.map { mix in
      Profile.Count(instructions: mix.instructions, estimatedCycles: timing.map { mix.cycles($0) }, mix: mix)
    }
  }
}
