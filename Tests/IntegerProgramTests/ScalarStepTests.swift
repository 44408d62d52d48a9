import Arithmetic
import IntegerProgram
import Testing

/// What one element of a step becomes, against TensorFlow Lite's kernels: every pair of codes for many
/// scales.
@Suite struct ScalarStepTests {
  private struct Models {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// 0 ..< 1 (SplitMix64).
    mutating func unit() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
    }
    mutating func integer(_ range: ClosedRange<Int32>) -> Int32 {
      range.lowerBound + Int32(unit() * Double(range.upperBound - range.lowerBound + 1))
    }
    /// A float32 scale between 2^-10 and 2^2, now and then a power of two: then results tie.
    mutating func scale() -> Double {
      let power = Double(sign: .plus, exponent: Int(integer(-10...1)), significand: 1)
      return unit() < 0.3 ? power : Double(Float(power * (1 + unit())))
    }
  }

  @Test(arguments: [Combine.Kind.sum, .difference])
  func sumsOfAllCodesAreTensorFlowLites(_ kind: Combine.Kind) throws {
    var models = Models(seed: 1)
    var clamped = 0
    for _ in 0..<60 {
      let (s1, s2, output) = (models.scale(), models.scale(), models.scale())
      let twiceLargest = 2 * max(s1, s2)
      let left = try #require(Multiplier(s1 / twiceLargest))
      let right = try #require(Multiplier(s2 / twiceLargest))
      let last = try #require(Multiplier(twiceLargest / (0x1p20 * output)))
      let (z1, z2, zeroPoint) = (
        models.integer(-128...127), models.integer(-128...127), models.integer(-128...127)
      )
      let low = models.unit() < 0.5 ? -128 : models.integer(-128...0)
      let combine = Combine(
        kind: kind, shape: [1], left: Combine.Operand(zeroPoint: z1, multiplier: left, strides: [1]),
        right: Combine.Operand(zeroPoint: z2, multiplier: right, strides: [1]), leftShift: 20,
        requantization: Requantization(
          multipliers: [last], rounding: .double, zeroPoint: zeroPoint, clamp: Int64(low)...100))
      let parameters = TensorFlowLiteElementwise.Parameters(
        offset1: -z1, offset2: -z2, outputOffset: zeroPoint, multiplier1: (left.mantissa, left.exponent),
        multiplier2: (right.mantissa, right.exponent), outputMultiplier: (last.mantissa, last.exponent),
        activationMin: low, activationMax: 100)
      let range = combine.code(Interval<Int32>(-128, 127), Interval<Int32>(-128, 127))
      #expect(range.holds)
      var differences = 0
      for a in Int8.min...Int8.max {
        for b in Int8.min...Int8.max {
          let expected = TensorFlowLiteElementwise.add(a, b, isDifference: kind == .difference, parameters)
          let found = combine.code(Int32(a), Int32(b))
          differences += found == Int32(expected) && range.contains(Int64(found)) ? 0 : 1
          clamped += found == 100 || found == low ? 1 : 0
        }
      }
      #expect(differences == 0, "\(combine)")
    }
    #expect(clamped > 0)
  }

  @Test func productsOfAllCodesAreTensorFlowLites() throws {
    var models = Models(seed: 2)
    for _ in 0..<60 {
      let last = try #require(Multiplier(models.scale() * models.scale() / models.scale()))
      let (z1, z2, zeroPoint) = (
        models.integer(-128...127), models.integer(-128...127), models.integer(-128...127)
      )
      let operands = [z1, z2].map { Combine.Operand(zeroPoint: $0, multiplier: .powerOfTwo(0), strides: [1]) }
      let combine = Combine(
        kind: .product, shape: [1], left: operands[0], right: operands[1], leftShift: 0,
        requantization: Requantization(
          multipliers: [last], rounding: .double, zeroPoint: zeroPoint, clamp: -128...127))
      let one = (mantissa: Int32(1) << 30, shift: 1)
      let parameters = TensorFlowLiteElementwise.Parameters(
        offset1: -z1, offset2: -z2, outputOffset: zeroPoint, multiplier1: one, multiplier2: one,
        outputMultiplier: (last.mantissa, last.exponent), activationMin: -128, activationMax: 127)
      let range = combine.code(Interval<Int32>(-128, 127), Interval<Int32>(-128, 127))
      var differences = 0
      for a in Int8.min...Int8.max {
        for b in Int8.min...Int8.max {
          let found = combine.code(Int32(a), Int32(b))
          let expected = TensorFlowLiteElementwise.multiply(a, b, parameters)
          differences += found == Int32(expected) && (!range.holds || range.contains(Int64(found))) ? 0 : 1
        }
      }
      #expect(differences == 0, "\(combine)")
    }
  }

  @Test(arguments: [1, 2, 4, 6, 9, 49, 64])
  func averagesOfWindowsAreTensorFlowLites(_ taps: Int) {
    var models = Models(seed: 3)
    let pool = Pool(
      kind: .average, geometry: .dense(batch: 1, inputs: taps, outputs: 1),
      clamp: taps == 9 ? -50...60 : -128...127)
    var differences = 0
    for _ in 0..<40_000 {
      let reach = models.integer(0...127)
      let window = (0..<taps).map { _ in Int8(models.integer(-reach - 1...reach)) }
      let found = pool.averageCode(sum: window.reduce(Int32(0)) { $0 + Int32($1) }, count: Int32(taps))
      let expected = TensorFlowLiteElementwise.average(
        window, activationMin: Int32(pool.clamp.lowerBound), activationMax: Int32(pool.clamp.upperBound))
      differences += found == Int32(expected) ? 0 : 1
    }
    #expect(differences == 0)
  }

  @Test func accumulatorsAreRequantizedByTheirChannelsMultiplier() throws {
    var models = Models(seed: 4)
    let multipliers = try (0..<16).map { _ in try #require(Multiplier(models.scale() * models.scale() / 8)) }
    for steps in [multipliers, [multipliers[3]]] {
      let step = Requantization(multipliers: steps, rounding: .double, zeroPoint: -7, clamp: -120...90)
      for channel in multipliers.indices {
        let multiplier = steps.count == 1 ? multipliers[3] : multipliers[channel]
        var differences = 0
        for x in stride(from: -40_000 as Int32, through: 40_000, by: 7) {
          let raw = TensorFlowLiteElementwise.multiplyByQuantizedMultiplier(
            x, (multiplier.mantissa, multiplier.exponent))
          differences += step.code(x, channel: channel) == min(90, max(-120, raw - 7)) ? 0 : 1
        }
        #expect(differences == 0, "channel \(channel)")
      }
    }
  }
}
