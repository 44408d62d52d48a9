import Arithmetic
import CodeGeneration
import DifferentialTesting
import Foundation
import ImageProof
import IntegerProgram
import MachineCode

/// A small network's image, as the differential test links it.
struct ProvedImage {
  let program: IntegerProgram
  let elf: [UInt8]
  let layout: ImageLayout

  static func missing(_ target: String) -> String? {
    guard let target = try? read(target) else { return "the target cannot be read" }
    return target.missingPrograms.first
  }

  private static func read(_ name: String) throws -> Target {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try Target.named(package.appending(path: "Targets/\(name)").path)
  }

  /// A convolution of 3 × 3 over a padded image, and a dense layer.
  static func program(seed: UInt64) -> IntegerProgram {
    var random = SeededGenerator(seed: seed)
    let image = WindowGeometry(
      batch: 1, inputHeight: 4, inputWidth: 4, inputChannels: 2, outputHeight: 4, outputWidth: 4, outputChannels: 3,
      kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingLeft: 1)
    func affine(_ geometry: WindowGeometry, padding: Int32) -> Affine {
      let count = geometry.taps * geometry.inputChannels
      let weights = (0..<count * geometry.outputChannels).map { _ in Int16(random.integer(in: -9...9)) }
      let bias = (0..<geometry.outputChannels).map { _ in Int64(random.integer(in: -300...300)) }
      let ranges = (0..<geometry.outputChannels).map { channel in
        let size = weights[channel * count..<(channel + 1) * count].reduce(Int64(0)) { $0 + 128 * Int64($1.magnitude) }
        return bias[channel] - size...bias[channel] + size
      }
      let multipliers = (0..<geometry.outputChannels).map { _ in
        Multiplier(mantissa: Int32(random.integer(in: (1 << 30)...(1 << 31 - 1))), exponent: -6)
      }
      return Affine(
        geometry: geometry, groups: 1, paddingCode: padding, weights: weights, bias: bias, accumulators: ranges,
        requantization: Requantization(multipliers: multipliers, rounding: .double, zeroPoint: -3, clamp: -128...127))
    }
    func value(_ name: String, _ shape: [Int]) -> Value {
      Value(name: name, tensor: nil, shape: shape, type: .int8, scale: 1, zeroPoint: 0)
    }
    let steps = [
      Step(.affine(affine(image, padding: 5)), source: .init(index: 0, type: "CONV_2D", name: "a"), inputs: [0], output: 1),
      Step(
        .affine(affine(.dense(batch: 1, inputs: 48, outputs: 5), padding: 0)),
        source: .init(index: 1, type: "FULLY_CONNECTED", name: "b"), inputs: [1], output: 2),
    ]
    return IntegerProgram(
      name: "small", values: [value("x", [1, 4, 4, 2]), value("a", [1, 4, 4, 3]), value("b", [1, 5])], steps: steps,
      inputs: [0], outputs: [2])
  }

  init(target name: String, program: IntegerProgram = Self.program(seed: 3)) throws {
    let target = try Self.read(name)
    let generator = CodeGenerator(program, for: target, commandLine: "")
    let report = try DifferentialTest(generator).run(
      TestVectors.random(for: program, count: 2, seed: 1), builds: [BuildConfiguration.all(of: target)[0]])
    guard report.isEqual, let image = report.images.first else { throw Failure(words: "\(report.problems)") }
    let linked = try ELFImage(image.bytes)
    guard let memory = linked.symbols.first(where: { $0.name == "memory" }),
      let top = linked.symbols.first(where: { $0.name == "link_stack_top" })
    else { throw Failure(words: "the test program has no arena") }
    self.program = program
    elf = image.bytes
    layout = ImageLayout(
      runFunction: "\(generator.options.names.prefix)_run",
      steps: generator.runningSteps.map { ($0, generator.functionName(ofStep: $0)) },
      offsets: program.values.indices.map { generator.plan.offset(ofValue: $0) }, arenaBytes: generator.plan.arenaSize,
      arena: memory.address + 16, stackTop: top.address, stackBytes: target.device?.stackBytes ?? 0)
  }

  struct Failure: Error { var words: String }

  func proof(_ elf: [UInt8]? = nil, program: IntegerProgram? = nil) throws -> ImageProof.Report {
    var proof = try ImageProof(
      program ?? self.program, image: ELFImage(elf ?? self.elf), layout: layout, decoder: ThumbDecoder(.armv7EM))
    // A changed image may never end.
    proof.mostInstructions = 100_000
    return proof.run()
  }

  /// Runs the image on one input in the emulator: the outputs' codes, and the instructions; nil where it takes a fault.
  func run(_ input: [Int32], elf: [UInt8]? = nil) throws -> (codes: [Int32], instructions: Int)? {
    let image = try ELFImage(elf ?? self.elf)
    guard let function = image.function(layout.runFunction) else { return nil }
    var regions = image.segments.filter { !$0.isWritable }.map {
      MachineMemory.Region(start: $0.address, bytes: $0.bytes, isWritable: false)
    }
    regions.append(.init(start: layout.arena, bytes: Array(repeating: 0xA5, count: layout.arenaBytes), isWritable: true))
    regions.append(
      .init(
        start: layout.stackTop - UInt32(layout.stackBytes), bytes: Array(repeating: 0x5A, count: layout.stackBytes),
        isWritable: true))
    var emulator = Emulator(image, instructionSet: .thumb(.armv7EM), memory: MachineMemory(regions))
    guard let from = layout.offsets[program.inputs[0]], let to = layout.offsets[program.outputs[0]] else { return nil }
    try emulator.machine.memory.write(input.map { UInt8(truncatingIfNeeded: $0) }, layout.arena + UInt32(from))
    let arguments = [layout.arena, UInt32(layout.arenaBytes)]
    guard let status = try? emulator.call(function.address, arguments, stackTop: layout.stackTop, atMost: 200_000),
      status == 0
    else { return nil }
    let bytes = try emulator.machine.memory.bytes(layout.arena + UInt32(to), program.values[program.outputs[0]].count)
    return (bytes.map { Int32(Int8(bitPattern: $0)) }, emulator.instructions)
  }
}
