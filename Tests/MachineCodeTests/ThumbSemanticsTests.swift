import DifferentialTesting
import MachineCode
import Testing

/// The meaning of instructions, held to QEMU's.
struct ThumbSemanticsTests {
  private static let missing = ["arm-none-eabi-as", "arm-none-eabi-ld", "qemu-system-arm"].first { !Command.exists($0) }

  /// How many kinds of operations a sample has at least.
  private static let kinds = [ThumbDecoder.Core.armv6M: 10, .armv7M: 20, .armv7EM: 25, .armv81M: 50]

  @Test(
    "random instructions leave registers, flags and memory as QEMU has them",
    .enabled(if: missing == nil, "skipped: Arm's binutils or QEMU is not installed"),
    arguments: [
      (ThumbDecoder.Core.armv6M, "mps2-an385"), (.armv7M, "mps2-an385"), (.armv7EM, "mps2-an386"),
      (.armv81M, "mps3-an547"),
    ])
  func randomInstructionsDoWhatQEMUDoes(_ core: ThumbDecoder.Core, _ board: String) throws {
    var maker = ThumbTrialMaker(core, seed: 7)
    var (compared, disagreements) = (0, [String]())
    for count in TrialCount.images {
      let (done, found) = try maker.disagreements(count: count, board: board)
      compared += done
      disagreements += found
    }
    TrialCount.tell("\(core): \(compared) tried, \(disagreements.count) disagree; \(maker.tried)")
    #expect(disagreements.isEmpty, "\(disagreements.prefix(5))")
    #expect(compared == TrialCount.perCore)
    #expect(maker.tried.count >= Self.kinds[core, default: 0], "\(maker.tried)")
  }

  @Test func whatIsNoKnownInstructionIsRefused() {
    let decoder = ThumbDecoder(.armv7EM)
    // UDF, a floating-point addition, LDREX, WFI, a store to the program counter's literal.
    for (first, second) in [(0xDE00, 0), (0xEE30, 0x0A20), (0xE850, 0x1F00), (0xBF30, 0), (0xF8CF, 0x1000)] {
      #expect(decoder.decode(UInt16(first), UInt16(second)) == nil)
    }
    // On Armv6-M there is no IT, no CBZ and no SMLAD.
    let small = ThumbDecoder(.armv6M)
    for (first, second) in [(0xBF08, 0), (0xB108, 0), (0xFB28, 0x440C)] {
      #expect(decoder.decode(UInt16(first), UInt16(second)) != nil)
      #expect(small.decode(UInt16(first), UInt16(second)) == nil)
    }
    // ASRL, LSLL, CSINC, DLS and LE are Armv8.1-M's, and so are vectors; a vector of fractions is not known.
    let large = ThumbDecoder(.armv81M)
    for (first, second) in [
      (0xEA52, 0x332F), (0xEA50, 0x01CF), (0xEA52, 0x92B2), (0xF04E, 0xE001), (0xF00F, 0xC013), (0xEEF6, 0xEF20),
    ] {
      #expect(decoder.decode(UInt16(first), UInt16(second)) == nil)
      #expect(large.decode(UInt16(first), UInt16(second)) != nil)
    }
    #expect(large.decode(0xEF00, 0x0D40) == nil)
  }
}
