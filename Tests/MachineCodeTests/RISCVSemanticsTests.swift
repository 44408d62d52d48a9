import DifferentialTesting
import MachineCode
import Testing

/// The meaning of instructions of RISC-V, held to QEMU's.
struct RISCVSemanticsTests {
  @Test(
    "random instructions leave registers and memory as QEMU has them",
    .enabled(if: RISCVTrials.bench.missing == nil, "skipped: RISC-V's binutils or QEMU is not installed"))
  func randomInstructionsDoWhatQEMUDoes() throws {
    var trials = RISCVTrials(seed: 7)
    var disagreements: [String] = []
    for count in TrialCount.images { disagreements += try trials.disagreements(count: count) }
    TrialCount.tell("rv32imac: \(TrialCount.perCore) tried, \(disagreements.count) disagree; \(trials.tried)")
    #expect(disagreements.isEmpty, "\(disagreements.prefix(5))")
    // All kinds, and all of arithmetic.
    #expect(trials.tried.count == 10 + 18, "\(trials.tried)")
  }

  @Test func whatIsNoKnownInstructionIsRefused() {
    let decoder = RISCVDecoder()
    // All zeros and all ones, ECALL, a special register, LR, an addition of fractions, FENCE.I, a shift by 32, a branch
    // of no kind.
    let unknown: [UInt32] = [
      0, .max, 0x0000_0073, 0x3400_9073, 0x1000_22AF, 0x0000_0053, 0x0000_100F, 0x0200_1013, 0x0000_2063,
    ]
    for word in unknown { #expect(decoder.decode(UInt16(word & 0xFFFF), UInt16(word >> 16)) == nil, "\(word)") }
    // Short forms: C.FLD, C.ADDI16SP and C.LUI of zero, shifts by 32, C.LWSP into register 0, C.JR of register 0.
    for half in [0x2000, 0x6101, 0x6081, 0x9001, 0x1402, 0x4002, 0x8002] as [UInt16] {
      #expect(decoder.decode(half, nil) == nil, "\(half)")
    }
  }
}
