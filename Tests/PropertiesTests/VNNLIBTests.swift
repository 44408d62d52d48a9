import IntegerProgram
import Testing

@testable import Properties

@Suite struct VNNLIBTests {
  /// Two inputs of 3 bits and two outputs: `real = scale · (code − zeroPoint)` with scales that are no short decimals.
  private static let program = IntegerProgram(
    name: "p",
    values: [
      Value(name: "x", tensor: 0, shape: [1, 2], type: CodeType(bits: 3, isSigned: false), scale: 0.1, zeroPoint: 2),
      Value(name: "y", tensor: 1, shape: [2], type: CodeType(bits: 3, isSigned: true), scale: 0.3, zeroPoint: -1),
    ],
    steps: [], inputs: [0], outputs: [1])

  private static let declarations = """
    (declare-const X_0 Real)
    (declare-const X_1 Real)
    (declare-const Y_0 Real)
    (declare-const Y_1 Real)

    """

  private func property(_ assertions: String, _ units: PropertyUnits = .codes) throws -> Property {
    try VNNLIB(Self.declarations + assertions).property(of: Self.program, units: units, statement: "")
  }

  // MARK: Meaning

  @Test("bounds make the box, whole type where there are none; what is asserted is the violation")
  func box() throws {
    let property = try property("(assert (<= X_0 5.5))(assert (>= X_0 1.2))(assert (>= Y_0 Y_1))")
    #expect(property.box == [2...5, 0...7])
    #expect(
      property.violations == [Violation([LinearConstraint(outputs: [.init(0, 1), .init(1, -1)], atLeast: 0)])])
  }

  @Test("strict bounds exclude the number itself, in codes and in real values")
  func strictness() throws {
    #expect(try property("(assert (< X_0 5))(assert (> X_0 2))(assert (> Y_0 0))").box[0] == 3...4)
    // The code 5 is 0.1 as a float times 3, which is above the decimal 0.3.
    #expect(try property("(assert (<= X_0 0.3))(assert (> Y_0 0))", .reals).box[0] == 0...4)
    #expect(try property("(assert (< X_0 0.31))(assert (> Y_0 0))", .reals).box[0] == 0...5)
    let strict = try property("(assert (> Y_0 Y_1))")
    #expect(strict.violations[0].constraints[0].least == 1)
  }

  @Test("several cases with boxes of their own become input terms of violations in one box")
  func disjunctiveBoxes() throws {
    let property = try property(
      """
      (assert (or (and (>= X_0 1) (<= X_0 2) (<= X_1 3) (>= Y_0 1))
                  (and (>= X_0 4) (<= X_0 5) (<= X_1 3) (>= Y_1 1))
                  (and (>= X_0 9) (>= Y_1 1))))
      """)
    #expect(property.box == [1...5, 0...3])
    #expect(property.violations.count == 2, "no code reaches the third case")
    #expect(property.violation(inputs: [2, 0], outputs: [1, 0]) == 0)
    #expect(property.violation(inputs: [3, 0], outputs: [1, 1]) == nil)
    #expect(property.violation(inputs: [4, 0], outputs: [1, 1]) == 1)
  }

  @Test(
    "where no input or output meets the assertions, nothing can violate the property",
    arguments: [
      "(assert (>= X_0 3))(assert (<= X_0 2))", "(assert (= X_0 1.5))", "(assert (and (> X_0 3) (< X_0 4)))",
      "(assert (>= Y_0 4))", "(assert false)", "(assert (or))", "(assert (>= X_0 1e300))(assert (>= Y_0 0))",
      "(assert (>= (+ Y_0 Y_1) 6.5))",
    ])
  func impossible(assertions: String) throws { #expect(try property(assertions).violations.isEmpty) }

  @Test("where nothing is asked of outputs, every input of the box is a violation")
  func everything() throws {
    let property = try property("(assert (>= X_0 3))")
    #expect(property.box == [3...7, 0...7])
    #expect(property.violation(inputs: [3, 0], outputs: [0, 0]) == 0)
  }

  @Test("max, min and distinct mean what they say, on every input and output, on either side and under not")
  func maxima() throws {
    typealias Meaning = @Sendable (_ x: [Int], _ y: [Int]) -> Bool
    let cases: [(text: String, meaning: Meaning)] = [
      ("(>= (max Y_0 Y_1) 2)", { max($1[0], $1[1]) >= 2 }), ("(<= (max Y_0 Y_1) 1)", { max($1[0], $1[1]) <= 1 }),
      ("(< (min X_0 Y_1 2) Y_0)", { min($0[0], $1[1], 2) < $1[0] }),
      ("(= (max X_0 Y_0) (min Y_1 3))", { max($0[0], $1[0]) == min($1[1], 3) }),
      ("(> (- (max Y_0 X_1) (* 2 (max Y_1 0))) 1)", { max($1[0], $0[1]) - 2 * max($1[1], 0) > 1 }),
      ("(>= (* (- 1) (max Y_0 (min Y_1 X_0))) 0)", { -max($1[0], min($1[1], $0[0])) >= 0 }),
      ("(distinct X_0 Y_0 Y_1)", { $0[0] != $1[0] && $0[0] != $1[1] && $1[0] != $1[1] }),
      ("(distinct Y_0 1)", { $1[0] != 1 }), ("(<= (max Y_0) 1)", { $1[0] <= 1 }),
    ]
    for (text, meaning) in cases {
      for isNegated in [false, true] {
        let property = try property("(assert \(isNegated ? "(not \(text))" : text))")
        for x in 0..<64 {
          let inputs = [x & 7, x >> 3]
          guard property.contains(inputs.map { Int32($0) }) else {
            for y in 0..<64 { #expect(meaning(inputs, [(y & 7) - 4, (y >> 3) - 4]) == isNegated) }
            continue
          }
          for y in 0..<64 {
            let outputs = [(y & 7) - 4, (y >> 3) - 4]
            let isMet = property.violation(inputs: inputs.map { Int32($0) }, outputs: outputs.map { Int32($0) }) != nil
            guard isMet == (meaning(inputs, outputs) != isNegated) else {
              Issue.record("\(text), negated \(isNegated): \(inputs), \(outputs)")
              return
            }
          }
        }
      }
    }
    let many = "(+ " + String(repeating: "(max Y_0 Y_1) ", count: 40) + ")"
    #expect { try property("(assert (>= \(many) 0))") } throws: { "\($0)".contains("'max' and 'min' are written out") }
    #expect { try property("(assert (>= (* Y_0 (max Y_0 Y_1)) 0))") } throws: { "\($0)".contains("terms are linear") }
  }

  @Test("the question about classes is recognised")
  func robustLabel() throws {
    let property = try property("(assert (or (>= Y_0 Y_1)))")
    #expect(property.robustLabel(classes: 2) == 1)
    #expect(property.summary(for: Self.program).contains("class 1 everywhere, of 2"))
    #expect(
      try self.property("(assert (> Y_0 Y_1))").robustLabel(classes: 2) == nil, "the lowest index wins ties")
  }

  @Test("a question about some of the classes is none about the class")
  func someClasses() throws {
    var program = Self.program
    program.values[1].shape = [3]
    let text = Self.declarations + "(declare-const Y_2 Real)(assert (>= Y_0 Y_1))"
    let property = try VNNLIB(text).property(of: program, units: .codes, statement: "")
    #expect(property.robustLabel(classes: 3) == nil)
    #expect(property.summary(for: program).contains("nowhere Y_0 − Y_1 ≥ 0"))
  }

  @Test(
    "over every input and output, a random question about numbers and its question about codes agree",
    arguments: 1...200)
  func exactness(seed: Int) throws {
    var random = RandomFormula(seed: UInt64(seed))
    let formula = random.formula(depth: 3)
    let units: PropertyUnits = seed.isMultiple(of: 2) ? .codes : .reals
    // A top-level conjunction may come as several assertions.
    let text = "(assert \(formula.text))\n(assert (<= (* 1 X_1) 100))"
    let property = try property(text, units)
    let meaning: (scales: [Rational], zeroPoints: [Int]) =
      units == .codes
      ? ([1, 1].map { Rational($0) }, [0, 0]) : (([0.1, 0.3] as [Float]).compactMap { Rational(exactly: $0) }, [2, -1])
    let wrong = (0..<8 * 8 * 8 * 8).first { point in
      let inputs = [Int32(point % 8), Int32(point / 8 % 8)]
      let outputs = [Int32(point / 64 % 8) - 4, Int32(point / 512) - 4]
      let numbers =
        inputs.map { meaning.scales[0] * Rational(Int($0) - meaning.zeroPoints[0]) }
        + outputs.map { meaning.scales[1] * Rational(Int($0) - meaning.zeroPoints[1]) }
      let isViolated = property.contains(inputs) && property.violation(inputs: inputs, outputs: outputs) != nil
      return isViolated != formula.holds(numbers)
    }
    #expect(wrong == nil, "\(text)")
  }

  // MARK: Refusals

  @Test(
    "what cannot be read is an error that names the line",
    arguments: [
      ("(assert (<= X_2 1))", "line 5: 'X_2' is not declared"),
      ("\n(assert (<= X_0 abc))", "line 6: 'abc' is neither"),
      ("(assert (* X_0 X_1))", "'*' is no condition"),
      ("(assert (<= (* X_0 X_1) 1))", "linear"),
      ("(assert (<= (/ X_0 0) 1))", "by 0"),
      ("(assert (<= (/ 1 X_0) 1))", "by what is no number"),
      ("(assert (<= X_0))", "two terms or more"),
      ("(assert (<= (* X_0) 1))", "(* …) takes two terms or more"),
      ("(assert (<= (/ X_0) 1))", "(/ …) takes two terms or more"),
      ("(assert (<= (exp 1) 1))", "'exp' is no term"),
      ("(set-info :source \"a)", "line 5: a string is never closed"),
      ("(set-info :source |a)", "line 5: a quoted symbol is never closed"),
      ("(set-info :source \"\n\n\")(assert", "line 7: a '(' is never closed"),
      ("(assert (<= |X_0| 1))", "neither a declared constant"),
      ("(assert (<= X_0 \"1\"))", "neither a declared constant"),
      ("(assert (<= X_0 1))(check-sat)\n(assert (<= X_0 0))", "line 6: asserts something after (check-sat)"),
      ("(assert (<= X_0 1))(exit)\n(set-info :a b)", "line 6: stands after (exit)"),
      ("(assert (<= X_0 (exp 1 2)))", "'exp' is no term"),
      ("(assert (<= X_0 1)", "never closed"),
      ("(assert (<= X_0 1)))", "closes nothing"),
      ("(assert X_0)", "a condition is expected"),
      ("assert", "is no command"),
      ("(push 1)", "'push' is no command"),
      ("(declare-const X_0 Real)", "declared twice"),
      ("(declare-const Z_0 Real)", "no name of an input"),
      ("(declare-const X_00 Real)", "no name of an input"),
      ("(declare-const X_7 Bool)", "of type 'Bool'"),
      ("(declare-const X_9999999999999999999 Real)", "no name of an input"),
      ("(declare-fun X_5 (Real) Real)", "with arguments"),
      ("", "asserts nothing"),
      ("(assert (<= X_0 1\u{1}))", "control character"),
      (String(repeating: "(", count: 100_000), "nested over"),
      ("(assert (<= X_0 \(String(repeating: "1", count: 500))))", "neither"),
      (
        "(assert " + String(repeating: "(and ", count: 600) + "true" + String(repeating: ")", count: 601), "nested over"
      ),
      ("(assert (<= X_0 (* " + String(repeating: "1e400 ", count: 100) + ")))", "over 16384 bits"),
    ])
  func refusals(assertions: String, reason: String) {
    #expect { try property(assertions) } throws: { "\($0)".contains(reason) }
  }

  @Test("coefficients whose sums pass 2^62 over the codes are refused, not rounded")
  func tooFine() {
    #expect {
      try property("(assert (<= (+ (* 0.123456789012345678901 Y_0) (* 1.00000000000000000007 Y_1)) 0.5))")
    } throws: {
      "\($0)".contains("line 5: ") && "\($0)".contains("2^62")
    }
    // Denominators of 398 digits that share next to nothing.
    let terms = zip(["7", "10", "13", "23"], ["X_0", "X_1", "Y_0", "Y_1"]).map { digits, variable in
      let last = digits.suffix(1)
      return "(* 1/\(digits)\(String(repeating: String(last), count: 398 - digits.count)) \(variable))"
    }
    #expect { try property("(assert (<= (+ \(terms.joined(separator: " "))) 0.5))") } throws: {
      "\($0)".contains("common denominator")
    }
  }

  @Test("what fits 62 bits over these codes is exact: coefficients of fifteen digits, among several terms")
  func fine() throws {
    let property = try property("(assert (>= (+ (* 3.14159265358979 X_0) Y_0) 0.5))")
    #expect(
      property.violations == [
        Violation([
          LinearConstraint(
            inputs: [.init(0, 314_159_265_358_979)], outputs: [.init(0, 100_000_000_000_000)],
            atLeast: 50_000_000_000_000)
        ])
      ])
    #expect(property.violation(inputs: [1, 0], outputs: [-2, 0]) == 0)
    #expect(property.violation(inputs: [1, 0], outputs: [-3, 0]) == nil)
    // 2^62 over these codes is a little more.
    #expect(throws: Never.self) { try self.property("(assert (>= (+ (* 576460752303423487 X_0) Y_0) 1))") }
    #expect(throws: VNNLIBError.self) { try self.property("(assert (>= (+ (* 658812288346769701 X_0) Y_0) 1))") }
  }

  @Test(
    "a bound that no codes reach, or all do, is no matter of digits",
    arguments: [
      ("(>= (+ Y_0 Y_1) 1e30)", false), ("(<= (+ Y_0 Y_1) 1e30)", true), ("(> (+ Y_0 Y_1) -1e300)", true),
      ("(>= (+ (* 1e25 X_0) (* 1.000000000000000000000000007 Y_1)) 1e40)", false), ("(= (- X_0 Y_0) 1e19)", false),
      ("(>= X_0 -1e300)", true), ("(> 0.5 1/3)", true), ("(< 0.5 1/3)", false),
    ])
  func beyondTheCodes(condition: String, isMet: Bool) throws {
    let property = try property("(assert \(condition))(assert (>= Y_0 1))")
    #expect(property.box == [0...7, 0...7])
    let alone = Violation([LinearConstraint(outputs: [.init(0, 1)], atLeast: 1)])
    #expect(property.violations == (isMet ? [alone] : []))
  }

  // MARK: Text

  @Test(
    "what stands in strings, quoted symbols and comments asserts nothing",
    arguments: [
      "(set-info :source \"a) (assert false) (set-info x\")", "(set-info :source |a) (assert false) (set-info x|)",
      "(set-info :source \"say \"\"a) (assert false)\"\" (\")", "(set-info :source \"\")(set-info :source \"a|\")",
      "(set-info :a \"; not a comment\")", "; (assert false)\r", "; \"\r\n", "(set-info :source \"\n\n(\n\")",
    ])
  func quotations(text: String) throws {
    let plain = "(assert (>= Y_0 1))"
    #expect(try property(text + plain) == property(plain))
    #expect(try property(plain + text) == property(plain))
  }

  @Test("a comment ends with its line, however that ends", arguments: ["\n", "\r", "\r\n"])
  func comments(lineEnd: String) throws {
    #expect(try property("; free\(lineEnd)(assert (>= X_0 3))").box[0] == 3...7)
  }

  @Test("a question with too many cases is refused quickly")
  func tooManyCases() {
    let either = "(assert (or (>= Y_0 1) (>= Y_1 1)))"
    #expect { try property(String(repeating: either, count: 60)) } throws: { "\($0)".contains("over 20000 cases") }
  }

  @Test("a file about another network, or with integers in real values, is refused")
  func otherNetwork() {
    #expect {
      try VNNLIB("(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 1))").property(
        of: Self.program, units: .codes, statement: "")
    } throws: { "\($0)".contains("1 inputs and 1 outputs; the network has 2 and 2") }
    #expect { try VNNLIB("(declare-const X_0 Real)(declare-const X_2 Real)(assert (<= X_0 1))") } throws: {
      "\($0)".contains("but not X_1")
    }
    let integers = Self.declarations.replacing("X_1 Real", with: "X_1 Int") + "(assert (<= X_0 1))"
    #expect { try VNNLIB(integers).property(of: Self.program, units: .reals, statement: "") } throws: {
      "\($0)".hasPrefix("line 2: declares an Int")
    }
  }

  @Test("no damaged file is fatal")
  func damage() throws {
    let text = Array(
      (Self.declarations + "(assert (or (and (<= X_0 0.5) (>= (* -2 Y_0) 1e2)) (not (=> (< X_1 1) (= Y_1 3)))))").utf8)
    var generator = SplitMix(state: 7)
    for _ in 0..<20_000 {
      var bytes = text
      for _ in 0...Int(generator.next() % 3) {
        let place = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 3 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes.remove(at: place)
        default: bytes.insert(Array("()X_Y0123.e- ".utf8)[Int(generator.next() % 13)], at: place)
        }
      }
      _ = try? VNNLIB(String(decoding: bytes, as: UTF8.self)).property(of: Self.program, units: .reals, statement: "")
    }
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Random conditions, written as VNN-LIB and evaluated by a few lines of their own.
private struct RandomFormula {
  indirect enum Formula {
    case compare(String, [Rational], Rational, text: String)
    case join(String, [Formula])

    var text: String {
      switch self {
      case .compare(_, _, _, let text): text
      case .join(let name, let parts): "(\(name) \(parts.map(\.text).joined(separator: " ")))"
      }
    }
    func holds(_ numbers: [Rational]) -> Bool {
      switch self {
      case .compare(let name, let coefficients, let bound, _):
        let sum = zip(coefficients, numbers).reduce(Rational(0)) { $0 + $1.0 * $1.1 }
        return switch name {
        case "<=": sum <= bound
        case "<": sum < bound
        case ">=": sum >= bound
        case ">": sum > bound
        default: sum == bound
        }
      case .join("and", let parts): return parts.allSatisfy { $0.holds(numbers) }
      case .join("or", let parts): return parts.contains { $0.holds(numbers) }
      case .join("not", let parts): return !parts[0].holds(numbers)
      case .join(_, let parts): return !parts[0].holds(numbers) || parts[1].holds(numbers)
      }
    }
  }

  private var generator: SplitMix

  init(seed: UInt64) { generator = SplitMix(state: seed) }

  private mutating func pick(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }

  mutating func formula(depth: Int) -> Formula {
    switch depth == 0 ? 0 : pick(6) {
    case 0, 1: return comparison()
    case 2: return .join("not", [formula(depth: depth - 1)])
    case 3: return .join("=>", [formula(depth: depth - 1), formula(depth: depth - 1)])
    case 4: return .join("and", (0...pick(3)).map { _ in formula(depth: depth - 1) })
    default: return .join("or", (0...pick(3)).map { _ in formula(depth: depth - 1) })
    }
  }

  private mutating func comparison() -> Formula {
    let names = ["X_0", "X_1", "Y_0", "Y_1"]
    let numbers = ["1", "-1", "2", "0.5", "-1.25", "1/3", "3e-1", "0", "7", "-2.4", "0.1"]
    var coefficients = [Rational](repeating: Rational(0), count: 4)
    var terms: [String] = []
    for _ in 0...pick(3) {
      let (variable, factor) = (pick(4), numbers[pick(numbers.count)])
      coefficients[variable] = coefficients[variable] + (Rational(factor) ?? Rational(0))
      switch pick(3) {
      case 0: terms.append("(* \(factor) \(names[variable]))")
      case 1: terms.append("(- (* \(names[variable]) -1 \(factor)))")
      default: terms.append("(/ (* \(names[variable]) 3 \(factor)) 3)")
      }
    }
    let name = ["<=", "<", ">=", ">", "="][pick(5)]
    let bound = numbers[pick(numbers.count)]
    let sum = terms.count == 1 ? terms[0] : "(+ \(terms.joined(separator: " ")))"
    return .compare(name, coefficients, Rational(bound) ?? Rational(0), text: "(\(name) \(sum) \(bound))")
  }
}
