import Arithmetic
import Certificates
import DifferentialTesting
import IntegerProgram
import Properties
import Simulation
import Testing
import Verification

/// Questions whose answers follow from one another, on networks too large to enumerate.
@Suite struct MetamorphicTests {
  /// Two hidden layers of codes, as fixed-point networks have them, and a sample.
  struct Network: Sendable {
    var weights: [[Int16]]
    var bias: [[Int32]]
    var sizes: [Int]
    var sample: [Int32]

    init(_ random: inout SeededGenerator) {
      sizes = [
        random.integer(in: 6...16), random.integer(in: 4...8), random.integer(in: 3...6), random.integer(in: 2...4),
      ]
      weights = (0..<3).map { [sizes] layer in
        (0..<sizes[layer] * sizes[layer + 1]).map { _ in Int16(random.integer(in: -20...20)) }
      }
      bias = (0..<3).map { [sizes] layer in
        (0..<sizes[layer + 1]).map { _ in Int32(random.integer(in: -200...200)) }
      }
      sample = (0..<sizes[0]).map { _ in Int32(random.integer(in: 0...63)) }
    }

    /// `doubling` doubles the last weights so often, and what they are shifted by makes up for it: nothing changes.
    func program(doubling: Int = 0) -> IntegerProgram {
      var values = [
        Value(
          name: "x", tensor: nil, shape: [1, sizes[0]], type: CodeType(bits: 6, isSigned: false), scale: 1, zeroPoint: 0
        )
      ]
      var steps: [Step] = []
      for layer in 0..<3 {
        let isLast = layer == 2
        let type = isLast ? CodeType.int8 : CodeType(bits: 6, isSigned: false)
        values.append(
          Value(name: "h\(layer)", tensor: nil, shape: [1, sizes[layer + 1]], type: type, scale: 1, zeroPoint: 0))
        let factor = isLast ? 1 << doubling : 1
        let affine = Affine(
          geometry: .dense(batch: 1, inputs: sizes[layer], outputs: sizes[layer + 1]), groups: 1, paddingCode: 0,
          weights: weights[layer].map { $0 * Int16(factor) }, bias: bias[layer].map { $0 * Int32(factor) },
          accumulators: bias[layer].map { _ in -10_000_000...10_000_000 },
          requantization: Requantization(
            multipliers: [.powerOfTwo(-6 - (isLast ? doubling : 0))], rounding: .halfUpShift, zeroPoint: 0,
            clamp: type.range))
        steps.append(
          Step(
            .affine(affine), source: Step.Source(index: layer, type: "DENSE", name: "h\(layer)"), inputs: [layer],
            output: layer + 1))
      }
      return IntegerProgram(name: "net", values: values, steps: steps, inputs: [0], outputs: [3])
    }

    /// The neurons of the first hidden layer in another order.
    func permuted(_ random: inout SeededGenerator) -> Network {
      var other = self
      let order = random.shuffled(Array(0..<sizes[1]))
      other.bias[0] = order.map { bias[0][$0] }
      other.weights[0] = order.flatMap { weights[0][$0 * sizes[0]..<($0 + 1) * sizes[0]] }
      for row in 0..<sizes[2] {
        for (place, neuron) in order.enumerated() {
          other.weights[1][row * sizes[1] + place] = weights[1][row * sizes[1] + neuron]
        }
      }
      return other
    }
  }

  enum Answer: String { case proved, violated, unknown }

  private static func answer(_ program: IntegerProgram, _ property: Property, seed: UInt64 = 1) -> Answer {
    guard let verifier = try? Verifier(program) else { return .unknown }
    var options = VerdictTests.options(Set(Stage.allCases), timeout: 5)
    options.seed = seed
    switch verifier.verify(property, options: options).verdict {
    case .proved: return .proved
    case .violated: return .violated
    case .unknown: return .unknown
    }
  }

  private static func robustness(_ program: IntegerProgram, _ sample: [Int32], _ radius: Int32) -> Property? {
    let output = Instance.outputs(ReferenceInterpreter(program), sample)
    return try? .robustness(
      of: program, around: sample, radii: sample.map { _ in radius }, label: Property.predictedClass(output),
      statement: "")
  }

  /// Runs `body` on networks of their own; what it returns are faults, and answers counted.
  private func onNetworks(
    _ count: Int, _ body: @escaping @Sendable (Network, inout SeededGenerator) -> (faults: [String], answers: [Answer])
  ) {
    let results = inParallel(count) { index in
      var random = SeededGenerator(seed: 77_000 + UInt64(index))
      let network = Network(&random)
      return body(network, &random)
    }
    let faults = results.flatMap(\.faults)
    let answers = results.flatMap(\.answers)
    func share(_ answer: Answer) -> Int { answers.count { $0 == answer } }
    print("metamorphic: \(share(.proved)) proved, \(share(.violated)) violated, \(share(.unknown)) unknown")
    #expect(faults.isEmpty, "\(faults.prefix(5))")
    #expect(share(.proved) > answers.count / 10 && share(.violated) > answers.count / 10)
    #expect(share(.unknown) <= answers.count / 20)
  }

  @Test func whatIsProvedAtARadiusIsProvedAtAllSmallerOnes() {
    onNetworks(80) { network, _ in
      let program = network.program()
      let answers = (Int32(0)...7).map { radius in
        Self.robustness(program, network.sample, radius).map { Self.answer(program, $0) } ?? .unknown
      }
      var faults: [String] = []
      if let last = answers.lastIndex(of: .proved), answers[..<last].contains(.violated) { faults.append("\(answers)") }
      return (faults, answers)
    }
  }

  @Test func permutedNeuronsAndScaledLayersHaveTheSameVerdict() {
    onNetworks(80) { network, random in
      let programs = [network.program(), network.permuted(&random).program(), network.program(doubling: 2)]
      let radius = Int32(random.integer(in: 1...6))
      let answers = programs.map { program in
        Self.robustness(program, network.sample, radius).map { Self.answer(program, $0) } ?? .unknown
      }
      let decided = Set(answers).subtracting([.unknown])
      return (decided.count > 1 ? ["\(answers)"] : [], answers)
    }
  }

  @Test func aBoxIsProvedJustWhereBothItsHalvesAre() {
    onNetworks(80) { network, random in
      let program = network.program()
      guard let whole = Self.robustness(program, network.sample, Int32(random.integer(in: 1...6))) else {
        return (["no property"], [])
      }
      let element = random.integer(in: 0...whole.box.count - 1)
      let range = whole.box[element]
      guard range.count > 1 else { return ([], []) }
      let at = Int32(random.integer(in: Int(range.lowerBound)...Int(range.upperBound) - 1))
      let halves = [range.lowerBound...at, at + 1...range.upperBound].compactMap { part -> Property? in
        var box = whole.box
        box[element] = part
        return try? Property(box: box, violations: whole.violations, statement: "", of: program)
      }
      let answers = ([whole] + halves).map { Self.answer(program, $0) }
      let parts = answers.dropFirst()
      var faults: [String] = []
      if answers[0] == .proved && parts.contains(.violated) { faults.append("\(answers)") }
      if answers[0] == .violated && parts.allSatisfy({ $0 == .proved }) { faults.append("\(answers)") }
      return (faults, answers)
    }
  }

  @Test func otherSeedsGiveTheSameVerdict() {
    onNetworks(60) { network, random in
      let program = network.program()
      guard let property = Self.robustness(program, network.sample, Int32(random.integer(in: 1...6))) else {
        return (["no property"], [])
      }
      let answers = (1...3).map { Self.answer(program, property, seed: UInt64($0) * 1001) }
      return (Set(answers).subtracting([.unknown]).count > 1 ? ["\(answers)"] : [], answers)
    }
  }
}
