import CodeGeneration
import DifferentialTesting
import Foundation
import Importers
import IntegerProgram
import MachineCode
import Profiling
import Simulation
import Testing

/// The emulator of this package against QEMU: what an image computes, and in how many instructions.
struct EmulatorTests {
  static let targets: [(name: String, core: ThumbDecoder.Core)] = [
    ("cortex-m0plus", .armv6M), ("cortex-m3", .armv7M), ("cortex-m4", .armv7EM),
    ("cortex-m55", .armv81M), ("rv32imac", .armv6M),
  ]

  private static func target(_ name: String) throws -> Target {
    try Target.named(Place.package.appending(path: "Targets/\(name)").path)
  }

  private static let missing = targets.compactMap { try? target($0.name).missingPrograms.first }.first

  @Test(
    "an image runs as in QEMU: the same outputs, as many instructions as the profile counts",
    .enabled(if: missing == nil, "skipped: a compiler or QEMU is not installed"), arguments: targets)
  func anImageRunsAsInQEMU(_ name: String, _ core: ThumbDecoder.Core) throws {
    let target = try Self.target(name)
    let network = try TFLite.network(from: Array(Data(contentsOf: Place.digits)), name: "digits")
    let program = try IntegerProgram(lowering: network)
    let generator = CodeGenerator(program, for: target, commandLine: "")
    let build = try #require(BuildConfiguration.all(of: target).first)
    // Whose outputs and layers in QEMU are the simulator's.
    let vectors = TestVectors.random(for: program, count: 2, seed: 3)
    let report = try DifferentialTest(generator).run(vectors, builds: [build])
    #expect(report.isEqual, "\(report.problems)")
    let image = try ELFImage(#require(report.images.first).bytes)

    let plan = generator.plan
    let (from, to) = (
      try #require(plan.offset(ofValue: program.inputs[0])), try #require(plan.offset(ofValue: program.outputs[0]))
    )
    let arena = try #require(image.symbols.first { $0.name == "memory" }).address + 16
    let stackTop = try #require(image.symbols.first { $0.name == "link_stack_top" }).address
    let stackBytes = try #require(target.device).stackBytes
    let run = try #require(image.function("\(generator.options.names.prefix)_run"))
    let memory = MachineMemory(
      constantsOf: image,
      writable: [
        .init(start: arena, bytes: Array(repeating: 0xA5, count: plan.arenaSize), isWritable: true),
        .init(start: stackTop - UInt32(stackBytes), bytes: Array(repeating: 0x5A, count: stackBytes), isWritable: true),
      ])
    let start = Emulator(image, instructionSet: InstructionSet(of: image, core: core), memory: memory)
    for vector in vectors.vectors {
      var emulator = start
      try emulator.machine.memory.write(vector[0].map { UInt8(truncatingIfNeeded: $0) }, arena + UInt32(from))
      let status = try emulator.call(
        run.address, [arena, UInt32(plan.arenaSize)], stackTop: stackTop, atMost: 10_000_000)
      #expect(status == 0)
      let outputs = try emulator.machine.memory.bytes(arena + UInt32(to), program.values[program.outputs[0]].count)
      #expect(try outputs.map { Int32(Int8(bitPattern: $0)) } == Simulator(program).run(vector)[0])
      let profile = try Profiler(generator, for: target, build: build).run(vector)
      #expect(profile.total?.instructions == emulator.instructions)
    }
  }
}
