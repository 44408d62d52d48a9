import DifferentialTesting
import ImageProof
import IntegerProgram
import MachineCode
import Simulation
import Testing

struct ImageProofTests {
  private static func inputs(_ program: IntegerProgram, _ count: Int) -> [[Int32]] {
    TestVectors.random(for: program, count: count, seed: 5).vectors.map { $0[0] }
  }

  @Test(
    "an image of a convolution and a dense layer is proved, and runs so many instructions as the proof says",
    .enabled(if: ProvedImage.missing("cortex-m4") == nil, "skipped: Arm's compiler or QEMU is not installed"))
  func anAffineNetworkIsProved() throws {
    let image = try ProvedImage(target: "cortex-m4")
    let report = try image.proof()
    #expect(report.verdict == .proved, "\(report.findings)")
    #expect(report.proved == 48 + 5 && report.elements == 48 + 5)
    for input in Self.inputs(image.program, 4) {
      let result = try #require(try image.run(input))
      #expect(try result.codes == ReferenceInterpreter(image.program).run([input])[0])
      #expect(report.instructions == result.instructions...result.instructions)
    }
  }

  @Test(
    "the image of other weights, biases or multipliers is not proved",
    .enabled(if: ProvedImage.missing("cortex-m4") == nil, "skipped: Arm's compiler or QEMU is not installed"))
  func otherConstantsAreRefused() throws {
    let image = try ProvedImage(target: "cortex-m4")
    func changed(_ step: Int, _ change: (inout Affine) -> Void) -> IntegerProgram {
      var program = image.program
      guard case .affine(var affine) = program.steps[step].operation else { return program }
      change(&affine)
      program.steps[step].operation = .affine(affine)
      return program
    }
    let others = [
      changed(0) { $0.weights[7] += 1 }, changed(1) { $0.weights[100] -= 1 }, changed(0) { $0.bias[1] += 40 },
      changed(1) { $0.requantization.zeroPoint += 1 }, changed(0) { $0.paddingCode = 4 },
      changed(1) { $0.requantization.clamp = -127...127 },
    ]
    for program in others {
      let report = try image.proof(program: program)
      #expect(report.verdict != .proved)
      #expect(!report.findings.isEmpty)
    }
  }

  @Test(
    "of images in which a bit is flipped none is proved that computes something else",
    .enabled(if: ProvedImage.missing("cortex-m4") == nil, "skipped: Arm's compiler or QEMU is not installed"))
  func noMutantIsProvedThatDiffers() throws {
    let image = try ProvedImage(target: "cortex-m4")
    let linked = try ELFImage(image.elf)
    let inputs = Self.inputs(image.program, 4)
    let expected = try inputs.map { try ReferenceInterpreter(image.program).run([$0])[0] }
    let functions = linked.symbols.filter { $0.isFunction && $0.name.hasPrefix("small_") && $0.size > 0 }
    let segment = try #require(linked.segments.first)
    // The segment's bytes lie together in the file.
    let start = try #require(
      image.elf.indices.first { image.elf[$0...].starts(with: segment.bytes.prefix(64)) })
    var random = SeededGenerator(seed: 11)
    var refused = 0
    for _ in 0..<40 {
      let function = functions[random.integer(in: 0...functions.count - 1)]
      let place = start + Int(function.address - segment.address) + random.integer(in: 0...function.size - 1)
      var mutant = image.elf
      mutant[place] ^= 1 << UInt8(random.integer(in: 0...7))
      let report = try image.proof(mutant)
      guard report.verdict == .proved else {
        refused += 1
        continue
      }
      for (input, codes) in zip(inputs, expected) {
        #expect(try image.run(input, elf: mutant)?.codes == codes, "bit flipped at byte \(place) of the file")
      }
    }
    #expect(refused >= 20)
  }
}
