import Arithmetic
import IntegerProgram
import Testing

@testable import CodeGeneration

/// Requantisation and sums in the forms that device kernels compute, against the layer's own rule.
@Suite struct FusedArithmeticTests {
  /// What a kernel does with an accumulator.
  private func code(_ fused: FusedRequantization, _ accumulator: Int64, _ channel: Int) -> Int64 {
    if fused.isConstant[channel] { return saturated(Int64(fused.addends[channel]) >> shift(fused, channel), fused.clamp) }
    let high = ((accumulator << Int64(fused.scaling)) * Int64(fused.factors[channel])) >> Int64(fused.drop)
    let sum = high + Int64(fused.addends[channel]) - (accumulator < 0 ? Int64(fused.corrections[channel]) : 0)
    #expect(Int32(exactly: high) != nil && Int32(exactly: sum) != nil, "the device has 32 bits")
    return saturated(sum >> shift(fused, channel), fused.clamp)
  }
  private func shift(_ fused: FusedRequantization, _ channel: Int) -> Int64 {
    Int64(fused.ownShifts?[channel] ?? fused.shift)
  }
  private func saturated(_ code: Int64, _ clamp: ClosedRange<Int64>?) -> Int64 {
    let narrow = clamp ?? -128...127
    return min(max(min(max(code, -128), 127), narrow.lowerBound), narrow.upperBound)
  }

  @Test("every accumulator of a small range, and the ends and middles of large ones", arguments: Rounding.allCases)
  func requantization(rounding: Rounding) {
    var random = SplitMix64(seed: 7)
    var (found, none) = (0, 0)
    for _ in 0..<300 {
      let count = 1 + Int(random.next() % 4)
      var multipliers: [Multiplier] = []
      let exponent: Int = random.integer(-12...1)
      for _ in 0..<count {
        let own = exponent - Int(random.next() % 4)
        multipliers.append(
          rounding == .halfUpShift
            ? .powerOfTwo(own) : Multiplier(mantissa: random.integer(1 << 30...Int64(Int32.max)), exponent: own))
      }
      let low: Int64 = random.next() % 2 == 0 ? -128 : random.integer(-128...0)
      let high: Int64 = random.next() % 2 == 0 ? 127 : random.integer(low...127)
      let rule = Requantization(
        multipliers: multipliers, rounding: rounding, zeroPoint: random.integer(-128...127), clamp: low...high)
      let ranges: [ClosedRange<Int64>] = multipliers.map { _ in
        let size = Int64(1) << Int64(random.next() % 22)
        let from: Int64 = random.integer(-size...size)
        return from...from + (random.integer(0...size) as Int64)
      }
      guard
        let fused = FusedRequantization(
          rule, accumulators: ranges, scaling: 8, saturation: -128...127, allowsOwnShifts: true)
      else {
        none += 1
        continue
      }
      found += 1
      for (channel, range) in ranges.enumerated() {
        let step = max(1, Int64(range.count) / 4000)
        for accumulator in stride(from: range.lowerBound, through: range.upperBound, by: Int(step)) {
          let (ours, theirs) = (code(fused, accumulator, channel), rule.code(accumulator, channel: channel))
          if ours != theirs {
            Issue.record("\(rule) of \(accumulator): \(ours), not \(theirs)")
            return
          }
        }
      }
    }
    #expect(found > 200, "most layers have the form: \(found) of \(found + none)")
  }

  @Test(
    "codes of 16 bits, at ends and ties of accumulators that fit 32 bits, and of those that do not",
    arguments: [false, true])
  func wideRequantization(isLong: Bool) {
    var random = SplitMix64(seed: 16)
    var (found, ties) = (0, 0)
    for _ in 0..<200 {
      let multipliers = (0..<3).map { _ in
        let exponent: Int = random.integer(isLong ? -22 ... -8 : -14 ... 1)
        return Multiplier(mantissa: random.integer(1 << 30...Int64(Int32.max)), exponent: exponent).reduced
      }
      let low: Int64 = random.next() % 2 == 0 ? -32_768 : 0
      let rule = Requantization(multipliers: multipliers, rounding: .single, zeroPoint: 0, clamp: low...32_767)
      let ranges: [ClosedRange<Int64>] = multipliers.map { _ in
        let size = Int64(1) << Int64(isLong ? 36 : 31)
        return (random.integer(-size...0) as Int64)...(random.integer(0...size - 1) as Int64)
      }
      guard let wide = WideRequantization(rule, accumulators: ranges, isLong: isLong) else { continue }
      found += 1
      for (channel, range) in ranges.enumerated() {
        let multiplier = multipliers[channel]
        var accumulators = [range.lowerBound, range.upperBound, 0, -1, 1]
        for _ in 0..<60 {
          // Around the middle between two codes.
          let code: Int64 = random.integer(-33_000...33_000)
          let middle = Int64(((Double(code) + 0.5) / multiplier.real).rounded())
          accumulators += (-2...2).map { middle + $0 }
        }
        for accumulator in accumulators where range.contains(accumulator) {
          let product = accumulator * wide.factors[channel]
          let rest = product & (1 << Int64(32 + wide.shift) - 1)
          if rest == 1 << Int64(31 + wide.shift) { ties += 1 }
          let code = (product + 1 << Int64(31 + wide.shift)) >> Int64(32 + wide.shift)
          #expect(min(max(code, low), 32_767) == rule.code(accumulator, channel: channel), "\(rule) of \(accumulator)")
        }
      }
    }
    #expect(found > 100 && ties > 0, "\(found), \(ties)")
  }

  @Test("the reference's multipliers of sums in 64 bits, in 32: random accumulators, ends and ties")
  func halves() {
    var random = SplitMix64(seed: 11)
    var ties = 0
    for _ in 0..<400 {
      let multiplier = Multiplier(mantissa: random.integer(1 << 14...32_767), exponent: random.integer(-15...14))
      let rule = Requantization(multipliers: [multiplier], rounding: .single, zeroPoint: 0, clamp: CodeType.int32.range)
      #expect(rule.allowsHalves)
      let shifts = Shifts<Int64>(exponent: multiplier.exponent)
      let narrow = Shifts<Int32>(exponent: multiplier.exponent)
      let places = Int64(31 - multiplier.exponent)
      var accumulators: [Int64] = [Int64(Int32.min), Int64(Int32.max), 0, -1, 1, 65_535, 65_536, -65_536, -65_537]
      for _ in 0..<40 {
        accumulators.append(random.integer(Int64(Int32.min)...Int64(Int32.max)))
        // Around the middle between two results.
        let code: Int64 = random.integer(-40_000...40_000)
        let middle = ((2 * code + 1) << (places - 1)) / Int64(multiplier.mantissa)
        accumulators += (-1...1).map { middle + $0 }
      }
      for accumulator in accumulators {
        guard let word = Int32(exactly: accumulator) else { continue }
        let wide = requantize(accumulator, mantissa: Int64(multiplier.mantissa), shifts: shifts, rounding: .single)
        if (accumulator * Int64(multiplier.mantissa)) & (1 << places - 1) == 1 << (places - 1) { ties += 1 }
        #expect(Int64(requantizeHalves(word, mantissa: multiplier.mantissa, shifts: narrow)) == wide, "\(multiplier), \(word)")
      }
    }
    #expect(ties > 10, "\(ties)")
    let wider = Multiplier(mantissa: 1 << 15, exponent: 3)
    #expect(!Requantization(multipliers: [wider], rounding: .single, zeroPoint: 0, clamp: -8...7).allowsHalves)
  }

  @Test("a factor that one shift for all channels would leave too few bits gets a shift of its own")
  func ownShifts() throws {
    let rule = Requantization(
      multipliers: [Multiplier(mantissa: 1_900_000_001, exponent: -2), Multiplier(mantissa: 1_849_231_793, exponent: -15)],
      rounding: .double, zeroPoint: -3, clamp: -128...127)
    let ranges: [ClosedRange<Int64>] = [-500...500, -4_000_000...4_000_000]
    #expect(FusedRequantization(rule, accumulators: ranges, scaling: 8, saturation: -128...127) == nil)
    let fused = try #require(
      FusedRequantization(rule, accumulators: ranges, scaling: 8, saturation: -128...127, allowsOwnShifts: true))
    for accumulator in stride(from: Int64(-4_000_000), through: 4_000_000, by: 77) {
      #expect(code(fused, accumulator, 1) == rule.code(accumulator, channel: 1))
    }
  }

  @Test("sums and differences of all pairs of codes")
  func sums() {
    var random = SplitMix64(seed: 3)
    var found = 0
    for round in 0..<24 {
      func operand() -> Combine.Operand {
        .init(
          zeroPoint: random.integer(-128...127),
          multiplier: Multiplier(mantissa: random.integer(1 << 30...Int64(Int32.max)), exponent: -Int(random.next() % 3)),
          strides: [1])
      }
      let combine = Combine(
        kind: round % 2 == 0 ? .sum : .difference, shape: [4], left: operand(), right: operand(), leftShift: 20,
        requantization: Requantization(
          multipliers: [Multiplier(mantissa: random.integer(1 << 30...Int64(Int32.max)), exponent: -18)],
          rounding: .double, zeroPoint: random.integer(-128...127), clamp: (round % 3 == 0 ? -50 : -128)...127))
      guard let sum = FusedSum(combine, -128...127, -128...127, saturation: -128...127) else { continue }
      found += 1
      for a in Int64(-128)...127 {
        for b in Int64(-128)...127 {
          let fused = (a * Int64(sum.left) + b * Int64(sum.right) + Int64(sum.addend)) >> Int64(sum.shift)
          if saturated(fused, sum.clamp) != combine.code(a, b) {
            Issue.record("\(combine) of \(a) and \(b): \(saturated(fused, sum.clamp)), not \(combine.code(a, b) as Int64)")
            return
          }
        }
      }
    }
    #expect(found > 3)
  }

  @Test func `a constant code that does not fit above the shift that small factors take is left to other kernels`() {
    let requantization = Requantization(
      multipliers: [.powerOfTwo(-24)], rounding: .double, zeroPoint: 0, clamp: -128...127)
    let accumulators: [ClosedRange<Int64>] = [-(1 << 26)...1 << 26, 1 << 30...1 << 30]
    #expect(FusedRequantization(requantization, accumulators: accumulators, scaling: 4, saturation: -128...127) == nil)
  }
}
