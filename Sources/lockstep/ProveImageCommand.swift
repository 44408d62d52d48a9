import ArgumentParser
import CodeGeneration
import Evaluation
import ImageProof
import Importers
import IntegerProgram
import MachineCode

/// `lockstep prove-image`: machine code proved to be what a network defines.
struct ProveImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove-image",
    abstract: "Prove that a linked image computes what a network defines, for every input.",
    discussion: """
      The machine code of the network's run function is executed once, instruction by instruction, with the network's \
      inputs as variables. At the end of each step every element of its output is proved to be what the integer program \
      defines, whatever the inputs; so no compiler, assembler or linker has to be trusted.

        lockstep preflight model.tflite --target cortex-m4 --output evidence
        lockstep prove-image model.tflite evidence/model.elf --target cortex-m4

      Proved besides: nothing but the arena and the stack is written, nothing but these and constants is read, r4 to r11 and \
      the stack pointer are given back, the function ends and returns 0, and how many instructions it executes.

      It rests on the meaning of instructions as Lockstep has it (held to QEMU by random ones), on the ranges that the \
      integer program proves for its codes, on memory that nothing else changes meanwhile, and on this program. The \
      arena is at one address, which --arena says.

      Read are images for Cortex-M0, M0+, M3, M4 and M7. Proved are weighted sums (dense layers and convolutions), \
      pools, tables, sums and products of two tensors, and moves. Where a branch depends on the input, both sides are \
      followed to where they meet. Of anything else, such as softmax, the answer is open, with the address, the layer and \
      the element.

      Exit status: 0 proved; 1 the image computes something else; 3 open; 65 a file that cannot be used.
      """)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var path: String

  @Argument(help: ArgumentHelp("The linked image.", valueName: "elf"))
  var image: String

  @Option(help: "A folder of Targets, or (with a slash) the path of one of your own; it must have a device.")
  var target: String

  @Option(help: "What kernels made for the target go for, as the image was made.")
  var optimize = KernelSelection.Goal.speed

  @Option(help: "How weights that 4 bits hold lie in flash, as the image was made.")
  var weights = WeightStorage.automatic

  @Option(
    help: ArgumentHelp(
      "Where the arena is taken to lie; the test program's own place, or else the RAM's start, unless given.",
      valueName: "address"))
  var arena: String?

  @OptionGroup var lowering: LoweringArguments

  private static let mostBytes = 1 << 28

  func run() throws {
    let target = try readTarget(target)
    guard let device = target.device else {
      throw ValidationError("--target \(target.name) is this machine, and no microcontroller.")
    }
    guard let core = Self.core(of: target) else {
      throw FileError(
        path: "--target \(target.name)",
        reason: "images for it are not read yet; those for Cortex-M0, M0+, M3, M4 and M7 are, such as cortex-m4's")
    }
    let program = try ModelFile(path: path, signature: lowering.signature).program(lowering.options)
    let linked: ELFImage
    do {
      linked = try ELFImage(InputFile.bytes(path: image, limit: Self.mostBytes))
    } catch let error as ELFImage.Failure {
      throw FileError(path: image, reason: error.description)
    }
    guard linked.architecture == .arm else {
      throw FileError(path: image, reason: "it is an image for another processor than \(target.name)'s")
    }
    let generator = CodeGenerator(program, for: target, goal: optimize, weights: weights, commandLine: "lockstep prove-image")
    let layout = ImageLayout(
      runFunction: "\(generator.options.names.prefix)_run",
      steps: generator.runningSteps.map { ($0, generator.functionName(ofStep: $0)) },
      offsets: program.values.indices.map { generator.plan.offset(ofValue: $0) }, arenaBytes: generator.plan.arenaSize,
      arena: try arenaAddress(linked, device), stackTop: try Self.stackTop(linked, device), stackBytes: device.stackBytes)
    let proof = ImageProof(program, image: linked, layout: layout, decoder: ThumbDecoder(core))
    let report = proof.run { step in
      let source = program.steps[step.step].source
      print(
        "step \(step.step), layer \(source.index) \(source.type): \(step.proved) of \(step.elements) elements, "
          + "\(step.instructions) instructions")
    }
    for finding in report.findings { print("\(finding)") }
    if report.moreFindings > 0 { print("and \(report.moreFindings) more") }
    let figures =
      "\(report.proved) of \(generator.runningSteps.reduce(0) { $0 + program.values[program.steps[$1].output].count }) elements, "
      + "\(Self.text(report.instructions)) instructions"
    switch report.verdict {
    case .proved:
      print(
        "proved: every element of every step is the program's, for every input: \(report.proved) elements, "
          + "\(Self.text(report.instructions)) instructions, \(report.stackBytes) bytes of stack")
    case .open:
      print("open: \(figures)")
      throw ExitCode.undecided
    case .different:
      print("different: \(figures)")
      throw ExitCode.mismatch
    }
  }

  private static func text(_ instructions: ClosedRange<Int>) -> String {
    instructions.lowerBound == instructions.upperBound
      ? "\(instructions.lowerBound)" : "\(instructions.lowerBound) to \(instructions.upperBound)"
  }

  /// What the compiler is told of the processor.
  private static func core(of target: Target) -> ThumbDecoder.Core? {
    let flags = (target.flags ?? []) + (target.configurations.first?.flags ?? [])
    return switch flags.last(where: { $0.hasPrefix("-mcpu=") })?.dropFirst("-mcpu=".count) {
    case "cortex-m0", "cortex-m0plus": .armv6M
    case "cortex-m3": .armv7M
    case "cortex-m4", "cortex-m7": .armv7EM
    default: nil
    }
  }

  private func arenaAddress(_ image: ELFImage, _ device: Target.Device) throws -> UInt32 {
    guard let arena else {
      // Of the test program: 16 bytes of noise lie before it.
      if let memory = image.symbols.first(where: { $0.name == "memory" && !$0.isFunction }) { return memory.address &+ 16 }
      return try Self.address(device.ram.origin, of: "the target's RAM")
    }
    return try Self.address(arena, of: "--arena")
  }

  private static func address(_ text: String, of what: String) throws -> UInt32 {
    let isHexadecimal = text.hasPrefix("0x")
    guard let address = UInt32(text.dropFirst(isHexadecimal ? 2 : 0), radix: isHexadecimal ? 16 : 10) else {
      throw ValidationError("\(what): '\(text)' is no address of 32 bits, such as 0x20000000.")
    }
    return address
  }

  private static func stackTop(_ image: ELFImage, _ device: Target.Device) throws -> UInt32 {
    if let top = image.symbols.first(where: { $0.name == "link_stack_top" }) { return top.address }
    return try address(device.ram.origin, of: "the target's RAM") &+ UInt32(truncatingIfNeeded: device.ram.bytes)
  }
}
