import IntegerProgram
import Network
import Testing

@Suite struct SignalTests {
  private static let subtraction = SpectralSubtraction(
    smoothing: [410, 983], oneMinusSmoothing: [15_974, 15_401], least: 819, smoothingBits: 10, bits: 14,
    isClamped: false)

  private func digest(_ signal: Signal) -> String {
    let value = Value(name: "x", tensor: nil, shape: [8], type: .uint8, scale: 1, zeroPoint: 0)
    let source = Step.Source(index: 0, type: "SIGNAL", name: "y")
    return IntegerProgram(
      name: "signal", values: [value, value],
      steps: [Step(.signal(signal), source: source, inputs: [0], output: 1)], inputs: [0], outputs: [1]
    ).digest
  }

  @Test func `every change of a signal's field gives a digest of its own`() throws {
    let changes: [(inout SpectralSubtraction) -> Void] = [
      { $0.smoothing[0] += 1 }, { $0.smoothing[1] += 1 }, { $0.oneMinusSmoothing[0] += 1 },
      { $0.oneMinusSmoothing[1] += 1 }, { $0.least += 1 }, { $0.smoothingBits += 1 }, { $0.bits += 1 },
      { $0.isClamped = true },
    ]
    let subtractions = [Self.subtraction] + changes.map { change in
      var changed = Self.subtraction
      change(&changed)
      return changed
    }
    let banks = [
      Signal.FilterBank(bins: [0..<1, 1..<3], weights: [1, 2, 3], nextWeights: [4, 5, 6]),
      Signal.FilterBank(bins: [0..<2, 2..<3], weights: [1, 2, 3], nextWeights: [4, 5, 6]),
      Signal.FilterBank(bins: [0..<1, 2..<4], weights: [1, 2, 3], nextWeights: [4, 5, 6]),
      Signal.FilterBank(bins: [0..<1, 1..<3], weights: [1, 2, 4], nextWeights: [4, 5, 6]),
      Signal.FilterBank(bins: [0..<1, 1..<3], weights: [1, 2, 3], nextWeights: [4, 5, 7]),
    ]
    var signals: [Signal] = [.room, .shifted, .energy(0..<2), .energy(0..<3), .energy(1..<3), .root]
    for subtraction in subtractions { signals += [.noise(subtraction), .remainder(subtraction)] }
    for bank in banks { signals.append(.filterBank(bank)) }
    signals += [
      .gain(table: [1, 2], shift: 3), .gain(table: [1, 3], shift: 3), .gain(table: [1, 2], shift: 4),
      .logarithm(scale: 64, correctionBits: 3), .logarithm(scale: 65, correctionBits: 3),
      .logarithm(scale: 64, correctionBits: 2), .spectrum(try #require(FourierTransform(length: 8))),
      .spectrum(try #require(FourierTransform(length: 16))),
      .samples(try #require(FourierTransform(length: 8, isInverse: true))),
      .samples(try #require(FourierTransform(length: 16, isInverse: true))),
    ]
    #expect(Set(signals.map(digest)).count == signals.count)
  }

  /// By the definition, in double precision: roundings alone part them, of which each stage has a few.
  @Test(arguments: [4, 8, 16, 32, 64, 128, 256, 512, 1024])
  func `a transform is the discrete Fourier transform over its length`(length: Int) throws {
    let transform = try #require(FourierTransform(length: length))
    let samples: [Int32] = (0..<length).map { place in
      let noise: Int = place * place * 7_919 + place * 131
      return Int32(noise % 20_001 - 10_000)
    }
    let codes: [Int32] = transform.spectrum(samples)
    #expect(codes.count == length + 2)
    for bin in stride(from: 0, through: length / 2, by: max(1, length / 32)) {
      var (real, imaginary) = (0.0, 0.0)
      for (index, sample) in samples.enumerated() {
        let turns = Double(bin * index % length) / Double(length)
        let angle: Double = -2 * Double.pi * turns
        real += Double(sample) * cosine(angle)
        imaginary += Double(sample) * cosine(angle - Double.pi / 2)
      }
      let errors: [Double] = [
        real / Double(length) - Double(codes[2 * bin]), imaginary / Double(length) - Double(codes[2 * bin + 1]),
      ]
      #expect(errors.allSatisfy { abs($0) < 4 }, "bin \(bin): \(errors)")
    }
  }

  /// By the definition, too.
  @Test(arguments: [4, 8, 16, 32, 64, 128, 256, 512, 1024])
  func `an inverse transform is the sum of all waves, divided by its length`(length: Int) throws {
    let transform = try #require(FourierTransform(length: length, isInverse: true))
    let bins: [Int32] = (0..<length + 2).map { place in
      let noise: Int = place * place * 7_919 + place * 131
      return Int32(noise % 20_001 - 10_000)
    }
    let codes: [Int32] = transform.samples(bins)
    #expect(codes.count == length)
    for index in stride(from: 0, to: length, by: max(1, length / 32)) {
      var sum = Double(bins[0]) + (index % 2 == 0 ? 1 : -1) * Double(bins[length])
      for bin in 1..<length / 2 {
        let angle: Double = 2 * Double.pi * Double(bin * index % length) / Double(length)
        sum += 2 * Double(bins[2 * bin]) * cosine(angle)
        sum -= 2 * Double(bins[2 * bin + 1]) * cosine(angle - Double.pi / 2)
      }
      let error = sum / Double(length) - Double(codes[index])
      #expect(abs(error) < 4, "sample \(index): \(error)")
    }
  }

  /// By its series, from near 0.
  private func cosine(_ angle: Double) -> Double {
    let turn = 2 * Double.pi
    let x = angle - (angle / turn).rounded() * turn
    var (sum, term) = (1.0, 1.0)
    for n in 1...20 {
      let divisor = Double((2 * n - 1) * 2 * n)
      term *= -x * x / divisor
      sum += term
    }
    return sum
  }
}
