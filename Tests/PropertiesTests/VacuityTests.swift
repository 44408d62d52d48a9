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

  /// Whether the property is decided for every network: it holds where no input and no outputs meet a violation; it is
  /// violated where one input does with all outputs.
  private func decided(_ property: Property) -> (holds: Bool, fails: Bool) {
    var (holds, fails) = (true, false)
    for a in property.box[0] {
      for b in property.box[1] {
        var all = true
        for code in 0..<64 {
          let outputs = [Int32(code & 3), Int32(code >> 2 & 3), Int32(code >> 4)]
          if property.violation(inputs: [a, b], outputs: outputs) != nil { holds = false } else { all = false }
        }
        if all { fails = true }
      }
    }
    return (holds, fails)
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
      let (holds, fails) = decided(property)
      let isPoint = box.allSatisfy { $0.count == 1 }
      let vacuity = property.vacuity(of: Self.program)
      found[vacuity, default: 0] += 1
      switch vacuity {
      case .noCases, .contradiction?: #expect(holds, "\(property)")
      case .certainty?: #expect(fails, "\(property)")
      case .onePoint?: #expect(isPoint && !holds && !fails, "\(property)")
      case nil: #expect(!holds && !isPoint, "\(property)")
      }
      // Several cases that only together leave no way out for one input among several are the one kind that is missed.
      if fails && vacuity == nil { #expect(violations.count > 1 && !box.allSatisfy { $0.count == 1 }, "\(property)") }
    }
    for kind in [Vacuity.contradiction, .certainty, .onePoint] { #expect((found[kind] ?? 0) > 50, "\(found)") }
    #expect((found[nil] ?? 0) > 500, "\(found)")
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
