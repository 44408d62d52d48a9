import Arithmetic
import IntegerProgram
import Testing

@testable import CodeGeneration

/// The C that is printed from a term computes what the machine reading of the same function computes,
/// compiles without a warning and has no undefined behaviour.
@Suite struct ScalarCTests {
  struct Build: CustomTestStringConvertible, Sendable {
    let compiler: String
    let options: [String]
    var testDescription: String { ([compiler] + options).joined(separator: " ") }
  }
  static let builds = [
    Build(compiler: "gcc", options: ["-O2"]),
    Build(compiler: "gcc", options: ["-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"]),
    Build(compiler: "clang", options: ["-O2"]),
  ]

  /// Functions being printed, the calls to be made of them and what the machine reading says.
  private struct Comparison {
    var scalars = ScalarFunctions(prefix: "net")
    var calls: [(name: String, arity: Int)] = []
    var arguments: [[Int32]] = []
    var expected: [[Int32]] = []
    var subjects: [String] = []

    mutating func add(
      _ subject: String, _ name: String, arity: Int, count: Int,
      _ point: () -> (arguments: [Int32], result: Int32)
    ) {
      var (arguments, results): ([Int32], [Int32]) = ([], [])
      for _ in 0..<count {
        let (tuple, result) = point()
        arguments += tuple
        results.append(result)
      }
      calls.append((name, arity))
      self.arguments.append(arguments)
      expected.append(results)
      subjects.append(subject)
    }

    /// Prints `value` as a function of `parameters` and calls it with their values, of which `point` makes a
    /// tuple.
    mutating func add(
      _ subject: String, _ value: TermNode, of parameters: [String], result: String = "int32_t", count: Int,
      _ point: () -> (arguments: [Int32], result: Int32)
    ) {
      let name = scalars.function(
        "function", comment: subject, result: result, parameters: parameters.map { ($0, "int32_t") },
        value: value)
      add(subject, name, arity: parameters.count, count: count, point)
    }

    func check(_ build: Build) throws {
      let found = try CompiledScalars(scalars, calling: calls).run(
        arguments, compiler: build.compiler, options: build.options)
      for index in calls.indices where found[index] != expected[index] {
        let arity = calls[index].arity
        guard let place = expected[index].indices.first(where: { found[index][$0] != expected[index][$0] })
        else {
          continue
        }
        let tuple = Array(arguments[index][place * arity..<(place + 1) * arity])
        Issue.record(
          """
          \(subjects[index]) of \(tuple): C has \(found[index][place]), the machine reading \
          \(expected[index][place])
          """)
      }
      #expect(expected.allSatisfy { !$0.isEmpty } && !expected.isEmpty)
    }
  }

  /// The accumulators for which a requantisation is proved: as many as its left shift leaves room for.
  private func accumulators(_ multiplier: Multiplier, _ random: inout SplitMix64) -> ClosedRange<Int64> {
    let room = Int64(Int32.max) >> Int64(max(multiplier.exponent, 0))
    switch random.next() % 4 {
    case 0: return -room...room
    case 1: return 0...room
    case 2: return -room...max(-room, -(room >> 3))
    default:
      let low: Int64 = random.integer(-room...0)
      return low...random.integer(low...room)
    }
  }

  private func requantization(_ multipliers: [Multiplier], _ rounding: Rounding, _ random: inout SplitMix64)
    -> Requantization
  {
    let low: Int64 = random.next() & 1 == 0 ? -128 : random.integer(-128...100)
    return Requantization(
      multipliers: multipliers, rounding: rounding, zeroPoint: random.integer(-128...127),
      clamp: low...random.integer(max(low, 0)...127))
  }

  private func multiplier(_ rounding: Rounding, exponent: Int, _ random: inout SplitMix64) -> Multiplier {
    let notable: [Int32] = [1 << 30, (1 << 30) + 1, Int32.max, random.integer(1 << 30...Int64(Int32.max))]
    return Multiplier(
      mantissa: rounding == .halfUpShift ? 1 << 30 : notable[Int(random.next() % 4)], exponent: exponent)
  }

  @Test(arguments: Rounding.allCases, builds)
  func requantizationsByConstantsAreTheMachines(_ rounding: Rounding, _ build: Build) throws {
    try TermTable.$current.withValue(TermTable()) {
      var random = SplitMix64(seed: 1)
      var comparison = Comparison()
      for exponent in -31...30 {
        for _ in 0..<3 {
          let multiplier = multiplier(rounding, exponent: exponent, &random)
          let range = accumulators(multiplier, &random)
          let step = requantization([multiplier], rounding, &random)
          // Results that leave 32 bits, or come so near that the zero point takes them out, are none the
          // lowering admits.
          guard step.code(Interval<Int32>(range), channel: 0).holds else { continue }
          let code = RequantizationCode(
            step, accumulators: [range], result: "int8_t", in: &comparison.scalars)
          #expect(code.tables.isEmpty)
          let factor = code.leftFactors.map { Int32($0.elements[0]) } ?? 1
          comparison.add("\(step)", code.function, arity: 1, count: 8_000) {
            let x = random.member(range)
            return ([x * factor], step.code(x, channel: 0))
          }
        }
      }
      #expect(comparison.calls.count > 150)
      try comparison.check(build)
    }
  }

  @Test(arguments: Rounding.allCases, builds)
  func requantizationsPerChannelAreTheMachines(_ rounding: Rounding, _ build: Build) throws {
    try TermTable.$current.withValue(TermTable()) {
      var random = SplitMix64(seed: 2)
      var comparison = Comparison()
      for index in 0..<80 {
        // Shifts to the right, to the left, to both sides; close together and far apart.
        let centre: Int64 = [-9, -3, 2, -20][index % 4]
        let spread: Int64 = [0, 2, 5, 11][index / 4 % 4]
        let multipliers = (0..<6).map { _ in
          let exponent: Int64 = random.integer(centre - spread...centre + spread)
          return multiplier(rounding, exponent: Int(exponent), &random)
        }
        let ranges = multipliers.map { accumulators($0, &random) }
        let step = requantization(multipliers, rounding, &random)
        guard ranges.indices.allSatisfy({ step.code(Interval<Int32>(ranges[$0]), channel: $0).holds }) else {
          continue
        }
        let code = RequantizationCode(step, accumulators: ranges, result: "int8_t", in: &comparison.scalars)
        comparison.add("\(step)", code.function, arity: 1 + code.tables.count, count: 10_000) {
          let channel = Int(random.next() % 6)
          let x = random.member(ranges[channel])
          let factor = code.leftFactors.map { Int32($0.elements[channel]) } ?? 1
          return (
            [x * factor] + code.tables.map { Int32($0.elements[channel]) }, step.code(x, channel: channel)
          )
        }
      }
      #expect(comparison.calls.count > 30)
      try comparison.check(build)
    }
  }

  /// Every pair of codes, in models of random scales.
  @Test(arguments: [Combine.Kind.sum, .difference, .product], builds)
  func combinationsAreTheMachines(_ kind: Combine.Kind, _ build: Build) throws {
    try TermTable.$current.withValue(TermTable()) {
      var random = SplitMix64(seed: 3)
      var comparison = Comparison()
      for index in 0..<16 {
        let (a, b) = (random.magnitude(exponents: -8...0), random.magnitude(exponents: -8...0))
        let output = random.magnitude(exponents: kind == .product ? -8...2 : -6...2)
        let rounding: Rounding = [.double, .single, .halfEven][index % 3]
        let largest = 2 * max(a, b)
        let real = kind == .product ? a * b / output : largest / (0x1p20 * output)
        let one = Multiplier.powerOfTwo(0)
        guard let left = Multiplier(a / largest), let right = Multiplier(b / largest),
          let last = Multiplier(real)
        else {
          continue
        }
        let step = Combine(
          kind: kind, shape: [1],
          left: Combine.Operand(
            zeroPoint: random.integer(-128...127), multiplier: kind == .product ? one : left, strides: [1]),
          right: Combine.Operand(
            zeroPoint: random.integer(-128...127), multiplier: kind == .product ? one : right, strides: [1]),
          leftShift: kind == .product ? 0 : 20, requantization: requantization([last], rounding, &random))
        guard step.code(Interval<Int32>(-128, 127), Interval<Int32>(-128, 127)).holds else { continue }
        let (x, y) = (Term<Int64>(variable: "a", in: -128...127), Term<Int64>(variable: "b", in: -128...127))
        var place: Int32 = 0
        comparison.add("\(step)", step.code(x, y).node, of: ["a", "b"], result: "int8_t", count: 1 << 16) {
          let (a, b) = (place & 255 - 128, place >> 8 - 128)
          place += 1
          return ([a, b], step.code(a, b))
        }
      }
      #expect(comparison.calls.count > 8)
      try comparison.check(build)
    }
  }

  @Test(arguments: builds)
  func averagesAreTheMachines(_ build: Build) throws {
    try TermTable.$current.withValue(TermTable()) {
      var random = SplitMix64(seed: 4)
      var comparison = Comparison()
      for most in [1, 2, 3, 9, 49, 64, 300, 100_000] as [Int64] {
        let geometry = WindowGeometry.dense(batch: 1, inputs: 1, outputs: 1)
        let pool = Pool(kind: .average, geometry: geometry, clamp: most == 9 ? -20...100 : -128...127)
        let (lowest, highest) = (-128 * most, 127 * most)
        let sum = Term<Int64>(variable: "sum", in: lowest...highest)
        let count = Term<Int64>(variable: "count", in: 1...most)
        comparison.add(
          "average of \(most)", pool.averageCode(sum: sum, count: count).node, of: ["sum", "count"],
          result: "int8_t",
          count: 60_000
        ) {
          let n: Int32 = random.integer(1...most)
          let s = random.member(-128 * Int64(n)...127 * Int64(n))
          return ([s, n], pool.averageCode(sum: s, count: n))
        }
        comparison.add(
          "average of exactly \(most)", pool.averageCode(sum: sum, count: Term(most)).node, of: ["sum"],
          result: "int8_t",
          count: 60_000
        ) {
          let s = random.member(lowest...highest)
          return ([s], pool.averageCode(sum: s, count: Int32(most)))
        }
      }
      try comparison.check(build)
    }
  }

  @Test(arguments: builds)
  func theSoftmaxIsTheMachines(_ build: Build) throws {
    try TermTable.$current.withValue(TermTable()) {
      typealias Symbol = Term<Int64>
      var random = SplitMix64(seed: 5)
      var comparison = Comparison()
      for _ in 0..<40 {
        let scale = try #require(SoftmaxScale(scale: Float(random.magnitude(exponents: -14...1)), beta: 1))
        let least = max(Int64(scale.leastDifference), -255)
        let difference = Symbol(variable: "difference", in: least...0)
        var next = Int32(least)
        comparison.add(
          "\(scale)", softmaxExponential(difference, scale).node, of: ["difference"], count: Int(1 - least)
        ) {
          let x = next
          next += 1
          return ([x], softmaxExponential(x, scale))
        }
      }
      let powers: ClosedRange<Int64> = 0...Int64(Int32.max)
      let power = Symbol(variable: "power", in: powers)
      comparison.add("summand", softmaxSummand(power).node, of: ["power"], count: 300_000) {
        let x = random.member(powers)
        return ([x], softmaxSummand(x))
      }
      for depth in [1, 2, 10, 511, longestSoftmaxRow] {
        let sums = (Int64(1) << 19)...Int64(depth) << 19
        let divisor = SoftmaxDivisor(ofSum: Symbol(variable: "sum", in: sums))
        comparison.add("reciprocal, \(depth)", divisor.reciprocal.node, of: ["sum"], count: 300_000) {
          let sum = random.member(sums)
          return ([sum], SoftmaxDivisor(ofSum: sum).reciprocal)
        }
        comparison.add("shift, \(depth)", divisor.shift.node, of: ["sum"], count: 100_000) {
          let sum = random.member(sums)
          return ([sum], SoftmaxDivisor(ofSum: sum).shift)
        }
        let symbolic = SoftmaxDivisor(
          reciprocal: Symbol(variable: "reciprocal", in: divisor.reciprocal.interval.range),
          shift: Symbol(variable: "shift", in: divisor.shift.interval.range))
        comparison.add(
          "share, \(depth)", symbolic.code(power).node, of: ["power", "reciprocal", "shift"],
          result: "int8_t", count: 300_000
        ) {
          let machine = SoftmaxDivisor(ofSum: random.member(sums))
          let x = random.member(powers)
          return ([x, machine.reciprocal, machine.shift], machine.code(x))
        }
      }
      try comparison.check(build)
    }
  }

  /// Functions that no kernel has, but that hold every construct of the printer: 32-bit terms and the whole
  /// register.
  @Test(arguments: builds)
  func functionsOfTheWholeRegisterAreTheMachines(_ build: Build) throws {
    try TermTable.$current.withValue(TermTable()) {
      var random = SplitMix64(seed: 6)
      var comparison = Comparison()
      let whole = Int64(Int32.min)...Int64(Int32.max)
      let x = Term<Int32>(variable: "x", in: whole)
      let y = Term<Int32>(variable: "y", in: whole)
      func one(_ name: String, _ term: Term<Int32>, _ machine: @escaping (Int32) -> Int32) {
        comparison.add(name, term.node, of: ["x"], count: 100_000) {
          let value = random.member(whole)
          return ([value], machine(value))
        }
      }
      for bits in 3...5 {
        let r = Term<Int32>(variable: "x", in: whole.lowerBound...0)
        comparison.add(
          "e^x", exponential(ofNonPositive: r, integerBits: bits).node, of: ["x"], count: 300_000
        ) {
          let value = random.member(whole.lowerBound...0)
          return ([value], exponential(ofNonPositive: value, integerBits: bits))
        }
      }
      for n in 1...30 {
        one("saturating shift by \(n)", saturatingShiftLeft(x, by: n)) { saturatingShiftLeft($0, by: n) }
        one("rounding shift by \(n)", roundingShiftRight(x, by: Term(Int64(n)))) {
          roundingShiftRight($0, by: Int32(n))
        }
        one("lowest \(n)", x.lowest(bits: n)) { $0.lowest(bits: n) }
      }
      one("choice by zero", Term.select(isZero: x.lowest(bits: 3), x, Term(-7))) {
        Int32.select(isZero: $0.lowest(bits: 3), $0, -7)
      }
      one("least", Term.larger(x, Term(whole.lowerBound + 1))) { max($0, Int32.min + 1) }
      one("unused", Term(5)) { _ in 5 }
      comparison.add("doubling high product", doublingHighProduct(x, y).node, of: ["x", "y"], count: 500_000)
      {
        let (a, b) = (random.member(whole), random.member(whole))
        return ([a, b], doublingHighProduct(a, b))
      }
      let n = Term<Int32>(variable: "y", in: 1...31)
      comparison.add("rounding shift", roundingShiftRight(x, by: n).node, of: ["x", "y"], count: 300_000) {
        let (a, n): (Int32, Int32) = (random.member(whole), random.integer(1...31))
        return ([a, n], roundingShiftRight(a, by: n))
      }
      let places = Term<Int32>(variable: "y", in: 0...20)
      let short = Term<Int32>(variable: "x", in: -1000...1000)
      comparison.add("left shift", (short <<% places).node, of: ["x", "y"], count: 100_000) {
        let (a, n): (Int32, Int32) = (random.integer(-1000...1000), random.integer(0...20))
        return ([a, n], a << n)
      }
      comparison.add("floor shift", (x >>% places).node, of: ["x", "y"], count: 100_000) {
        let (a, n): (Int32, Int32) = (random.member(whole), random.integer(0...20))
        return ([a, n], a >> n)
      }
      comparison.add("quotient", (x / Term(variable: "y", in: 1...20)).node, of: ["x", "y"], count: 100_000) {
        let (a, n): (Int32, Int32) = (random.member(whole), random.integer(1...20))
        return ([a, n], a / n)
      }
      // Results of 32 bits from operands of 64.
      let power = Term<Int64>(1 << 31)
      one("there and back", Term(narrowing: (x.wide +% power) -% power)) { $0 }
      comparison.add(
        "wide quotient", Term<Int32>(narrowing: (x.wide *% y.wide) / (power +% Term(3))).node,
        of: ["x", "y"],
        count: 100_000
      ) {
        let (a, b) = (random.member(whole), random.member(whole))
        return ([a, b], Int32(Int64(a) * Int64(b) / ((1 << 31) + 3)))
      }
      comparison.add("smaller", Term.smaller(x, y).node, of: ["x", "y"], count: 100_000) {
        let (a, b) = (random.member(whole), random.member(whole))
        return ([a, b], min(a, b))
      }
      try comparison.check(build)
    }
  }
}
