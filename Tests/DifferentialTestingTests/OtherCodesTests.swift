import Arithmetic
import DifferentialTesting
import IntegerProgram
import Network
import Testing

/// Random networks with codes of other widths than 8 bits.
@Suite struct OtherCodesTests {
  @Test("the networks are the same each time, mostly lowered, and have all widths and rounding rules")
  func variety() throws {
    var (lowered, bits, roundings, signs, doubled) = (0, Set<Int>(), Set<Rounding>(), Set<Bool>(), 0)
    var reasons: [String: Int] = [:]
    for seed in 0..<300 as Range<UInt64> {
      let network = RandomNetwork.makeWithOtherCodes(seed: seed)
      try network.validate()
      do {
        let program = try IntegerProgram(lowering: network)
        #expect(
          try IntegerProgram(lowering: RandomNetwork.makeWithOtherCodes(seed: seed)).digest == program.digest)
        lowered += 1
        for value in program.values {
          bits.insert(value.type.bits)
          signs.insert(value.type.isSigned)
        }
        for step in program.steps {
          if case .affine(let affine) = step.operation {
            roundings.insert(affine.requantization.rounding)
            if affine.weights.contains(where: { $0 > 127 || $0 < -128 }) { doubled += 1 }
          }
        }
      } catch let error as NetworkError {
        let reason = error.issues[0].reason.split { $0.isNumber || $0 == "." || $0 == "-" }.joined(separator: "#")
        reasons[reason, default: 0] += 1
      }
    }
    #expect(lowered >= 250, "\(reasons)")
    #expect(bits.isSuperset(of: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16]) && signs == [true, false])
    #expect(roundings.isSuperset(of: [.halfEven, .halfUpShift, .single]) && doubled > 20)
  }
}
