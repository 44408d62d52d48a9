import IntegerProgram
import Testing

@testable import Properties

/// What says nothing of a network is told as such, and nothing else is. The reference tries every input and every code
/// that outputs may have.
@Suite struct VacuityTests {
  /// Two inputs of 2 bits, three outputs of 2 bits: of what a network does between nothing is known.
  private static let program = IntegerProgram(
    name: "p",
    values: [
      Value(name: "x", tensor: 0, shape: [2], type: CodeType(bits: 2, isSigned: true), scale: 1, zeroPoint: 0),
      Value(name: "y", tensor: 1, shape: [3], type: CodeType(bits: 2, isSigned: false), scale: 1, zeroPoint: 0),
    ],
    steps: [], inputs: [0], outputs: [1])

  private func property(_ box: [ClosedRange<Int32>], _ violations: [Violation]) throws -> Property {
    try Property(box: box, violations: violations, statement: "", of: Self.program)
  }

  /// The inputs that violate the property with some outputs, and whether one does with all: then it is violated whatever
  /// the network is. It holds of every network where there are no such inputs.
  private func decided(_ property: Property) -> (open: [[Int32]], fails: Bool) {
    var (open, fails): ([[Int32]], Bool) = ([], false)
    for a in property.box[0] {
      for b in property.box[1] {
        let met = (0..<64).count { code in
          let outputs = [Int32(code & 3), Int32(code >> 2 & 3), Int32(code >> 4)]
          return property.violation(inputs: [a, b], outputs: outputs) != nil
        }
        if met > 0 { open.append([a, b]) }
        if met == 64 { fails = true }
      }
    }
    return (open, fails)
  }

  @Test("random questions of bounds and differences: exactly those that are decided for every network are called so")
  func random() throws {
    var random = SplitMix64(seed: 20)
    func integer(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(random.next() % UInt64(range.count)) }
    var found: [Vacuity?: Int] = [:]
    for _ in 0..<4000 {
      var box: [ClosedRange<Int32>] = []
      for _ in 0..<2 {
        let (a, b) = (Int32(integer(-2...1)), Int32(integer(-2...1)))
        box.append(min(a, b)...max(a, b))
      }
      let violations = (0..<integer(1...3)).map { _ in
        Violation(
          (0..<integer(1...3)).map { _ in
            let (i, j) = (integer(0...2), integer(0...1))
            return switch integer(0...5) {
            case 0, 1: LinearConstraint(outputs: [.init(i, integer(0...1) == 0 ? 1 : -1)], atLeast: Int64(integer(-4...4)))
            case 5:
              LinearConstraint(inputs: [.init(j, integer(0...1) == 0 ? 1 : -1)], atLeast: Int64(integer(-2...2)))
            default:
              LinearConstraint(
                outputs: [.init(i, 1), .init((i + integer(1...2)) % 3, -1)], atLeast: Int64(integer(-3...3)))
            }
          })
      }
      let property = try property(box, violations)
      let (open, fails) = decided(property)
      let (holds, isPoint) = (open.isEmpty, open.count == 1)
      let vacuity = property.vacuity(of: Self.program)
      found[vacuity, default: 0] += 1
      switch vacuity {
      case .noCases, .contradiction?: #expect(holds, "\(property)")
      case .certainty?: #expect(fails, "\(property)")
      case .onePoint?: #expect(isPoint && !fails && property.onlyInput(of: Self.program) == open[0], "\(property)")
      case nil: #expect(!holds && !isPoint, "\(property)")
      }
      // Several cases that only together leave no way out for one input among several are the one kind that is missed.
      if fails && vacuity == nil { #expect(violations.count > 1 && !box.allSatisfy { $0.count == 1 }, "\(property)") }
    }
    for kind in [Vacuity.contradiction, .certainty, .onePoint] { #expect((found[kind] ?? 0) > 50, "\(found)") }
    #expect((found[nil] ?? 0) > 500, "\(found)")
  }

  @Test("conditions that leave one input, or none, are told: as trying every input tells")
  func hidden() throws {
    let program = IntegerProgram(
      name: "p",
      values: [
        Value(name: "x", tensor: 0, shape: [3], type: CodeType(bits: 3, isSigned: true), scale: 1, zeroPoint: 0),
        Value(name: "y", tensor: 1, shape: [1], type: CodeType(bits: 1, isSigned: false), scale: 1, zeroPoint: 0),
      ],
      steps: [], inputs: [0], outputs: [1])
    let box = Array(repeating: Int32(-4)...3, count: 3)
    var random = SplitMix64(seed: 21)
    func integer(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(random.next() % UInt64(range.count)) }
    var found: [Vacuity?: Int] = [:]
    for _ in 0..<600 {
      let violations = (0..<integer(1...2)).map { _ in
        var constraints = [LinearConstraint(outputs: [.init(0, 1)], atLeast: 1)]
        for _ in 0..<integer(1...3) {
          let coefficients = (0..<3).map { _ in Int64(integer(-3...3)) }
          let terms = (0..<3).map { LinearConstraint.Term($0, coefficients[$0]) }
          // Near what the sum reaches, so that little is left.
          let most = coefficients.reduce(0) { $0 + max(-4 * $1, 3 * $1) }
          let least = integer(0...1) == 0 ? most - Int64(integer(-1...3)) : Int64(integer(-9...9))
          let outputs = integer(0...3) == 0 ? [LinearConstraint.Term(0, Int64(integer(-2...2)))] : []
          constraints.append(LinearConstraint(inputs: terms, outputs: outputs, atLeast: least))
          guard integer(0...1) == 0 else { continue }
          // An equation.
          constraints.append(
            LinearConstraint(
              inputs: terms.map { .init($0.element, -$0.coefficient) },
              outputs: outputs.map { .init($0.element, -$0.coefficient) }, atLeast: -least))
        }
        return Violation(constraints)
      }
      let property = try Property(box: box, violations: violations, statement: "", of: program)
      var open: [[Int32]] = []
      for place in 0..<512 {
        let input = [Int32(place & 7) - 4, Int32(place >> 3 & 7) - 4, Int32(place >> 6) - 4]
        if (0...1).contains(where: { property.violation(inputs: input, outputs: [$0]) != nil }) { open.append(input) }
      }
      let vacuity = property.vacuity(of: program)
      found[vacuity, default: 0] += 1
      #expect(vacuity == (open.isEmpty ? .contradiction : open.count == 1 ? .onePoint : nil), "\(property), \(open)")
      if open.count == 1 { #expect(property.onlyInput(of: program) == open[0], "\(property)") }
    }
    for kind in [Vacuity.contradiction, .onePoint, nil] { #expect((found[kind] ?? 0) > 30, "\(found)") }
  }

  @Test("a sum at its end, and equations, leave one input of many; a sum beside its end leaves several")
  func equations() throws {
    let program = IntegerProgram(
      name: "p",
      values: [
        Value(name: "x", tensor: 0, shape: [6], type: .int8, scale: 1, zeroPoint: 0),
        Value(name: "y", tensor: 1, shape: [1], type: .int8, scale: 1, zeroPoint: 0),
      ],
      steps: [], inputs: [0], outputs: [1])
    let wrong = LinearConstraint(outputs: [.init(0, 1)], atLeast: 1)
    func equation(_ coefficients: [Int64], _ sum: Int64) -> [LinearConstraint] {
      [Int64(1), -1].map { sign -> LinearConstraint in
        let terms = coefficients.indices.map { LinearConstraint.Term($0, sign * coefficients[$0]) }
        return LinearConstraint(inputs: terms, atLeast: sign * sum)
      }
    }
    func asked(_ box: ClosedRange<Int32>, _ constraints: [LinearConstraint]) throws -> Property {
      try Property(
        box: Array(repeating: box, count: 6), violations: [Violation([wrong] + constraints)], statement: "", of: program)
    }
    let ones: [Int64] = [1, 1, 1, 1, 1, 1]
    let end = try asked(-10...10, equation(ones, 60))
    #expect(end.vacuity(of: program) == .onePoint && end.onlyInput(of: program) == [10, 10, 10, 10, 10, 10])
    #expect(try asked(-10...10, equation(ones, 61)).vacuity(of: program) == .contradiction)
    let beside = try asked(-10...10, equation(ones, 59))
    #expect(beside.vacuity(of: program) == nil && beside.onlyInput(of: program) == nil)
    // Six equations that no bound of a single input shows: x_k + x_(k+1) = 2k + 1, and the first and third.
    var chain: [LinearConstraint] = []
    for k in 0..<5 {
      var coefficients: [Int64] = [0, 0, 0, 0, 0, 0]
      coefficients[k] = 1
      coefficients[k + 1] = 1
      chain += equation(coefficients, Int64(2 * k + 1))
    }
    #expect(try asked(-128...127, chain).vacuity(of: program) == nil)
    chain += equation([1, 0, 1, 0, 0, 0], 2)
    let point = try asked(-128...127, chain)
    #expect(point.vacuity(of: program) == .onePoint && point.onlyInput(of: program) == [0, 1, 2, 3, 4, 5])
    // Of equal parts an even sum alone can be made.
    #expect(try asked(-10...10, equation([2, 2, 4, -2, 6, 2], 7)).vacuity(of: program) == .contradiction)
  }

  @Test("one class, no case, a circle of differences, cases that leave nothing out, one input")
  func kinds() throws {
    let box: [ClosedRange<Int32>] = [-1...1, 0...0]
    func above(_ a: Int, _ b: Int) -> LinearConstraint { .init(outputs: [.init(a, 1), .init(b, -1)], atLeast: 1) }
    #expect(try property(box, []).vacuity(of: Self.program) == .noCases)
    #expect(
      try property(box, [Violation([above(0, 1), above(1, 2), above(2, 0)])]).vacuity(of: Self.program) == .contradiction)
    let least = LinearConstraint(outputs: [.init(0, 1)], atLeast: 2)
    let most = LinearConstraint(outputs: [.init(0, -1)], atLeast: -2)
    #expect(try property(box, [Violation([least]), Violation([most])]).vacuity(of: Self.program) == .certainty)
    #expect(try property(box, [Violation([least])]).vacuity(of: Self.program) == nil)
    #expect(try property([0...0, 1...1], [Violation([least])]).vacuity(of: Self.program) == .onePoint)
    let robust = try Property.classification(of: Self.program, box: box, label: 1, statement: "")
    #expect(robust.vacuity(of: Self.program) == nil)
  }

  @Test("classes of a larger network are no vacuous question, and the answer does not take long", .timeLimit(.minutes(1)))
  func large() throws {
    let program = IntegerProgram(
      name: "p",
      values: [
        Value(name: "x", tensor: 0, shape: [2], type: .int8, scale: 1, zeroPoint: 0),
        Value(name: "y", tensor: 1, shape: [300], type: .int8, scale: 1, zeroPoint: 0),
      ], steps: [], inputs: [0], outputs: [1])
    let robust = try Property.classification(of: program, box: [0...1, 0...0], label: 7, statement: "")
    #expect(robust.vacuity(of: program) == nil)
    let pairs = try Property.classification(
      of: program, box: [0...1, 0...0], label: 7, rule: .best(1), statement: "")
    #expect(pairs.violations == robust.violations)
    #expect(throws: PropertyError.self) {
      try Property.classification(of: program, box: [0...1, 0...0], label: 7, rule: .best(3), statement: "")
    }
  }
}

private struct SplitMix64 {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
