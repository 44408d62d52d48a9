import Arithmetic
import Foundation
import IntegerProgram
import Properties
import Simulation
import Testing

@testable import SMT

/// One dense layer whose codes are its accumulators, shifted right.
private func dense(
  _ weights: [[Int16]], bias: [Int32]? = nil, shift: Int = 0, input: CodeType = .uint8,
  output: CodeType = CodeType(bits: 16, isSigned: true)
) -> IntegerProgram {
  let (inputs, outputs) = (weights[0].count, weights.count)
  let affine = Affine(
    geometry: .dense(batch: 1, inputs: inputs, outputs: outputs), groups: 1, paddingCode: 0,
    weights: weights.flatMap { $0 }, bias: bias ?? weights.map { _ in 0 },
    accumulators: weights.map { _ in -1 << 30...1 << 30 },
    requantization: Requantization(
      multipliers: [.powerOfTwo(-shift)], rounding: .halfUpShift, zeroPoint: 0, clamp: output.range))
  return program(.affine(affine), input: (inputs, input), output: (outputs, output))
}

private func program(
  _ operation: Step.Operation, input: (count: Int, type: CodeType), output: (count: Int, type: CodeType)
) -> IntegerProgram {
  let values = [("x", input), ("y", output)].map { name, tensor in
    Value(name: name, tensor: nil, shape: [tensor.count], type: tensor.type, scale: 1, zeroPoint: 0)
  }
  let source = Step.Source(index: 0, type: "STEP", name: "layer")
  return IntegerProgram(
    name: "one step", values: values, steps: [Step(operation, source: source, inputs: [0], output: 1)], inputs: [0],
    outputs: [1])
}

private func property(
  _ box: [ClosedRange<Int32>], _ violations: [[LinearConstraint]], of program: IntegerProgram
) throws -> Property {
  try Property(box: box, violations: violations.map { Violation($0) }, statement: "", of: program)
}

@Suite struct QueryTests {
  /// The largest output is 3 · 9 + 2 · 0 + 7 = 34.
  private let small = dense([[3, -2, 0]], bias: [7])
  private let box: [ClosedRange<Int32>] = [4...9, 0...5, 0...255]

  private func atLeast(_ least: Int64, _ box: [ClosedRange<Int32>]? = nil) throws -> BitVectorQuery {
    let outputs = [LinearConstraint(outputs: [.init(0, 1)], atLeast: least)]
    return try BitVectorQuery(small, property(box ?? self.box, [outputs], of: small))
  }

  @Test func whatRangesDecideNeedsNoSolver() throws {
    #expect(try atLeast(35).smtLIB2Text().contains("(assert false)"))
    #expect(try atLeast(35).solve(timeout: 0) == .unsatisfiable)
    // The least output is 3 · 4 − 2 · 5 + 7 = 9.
    #expect(try atLeast(9).smtLIB2Text().contains("(assert true)"))
    #expect(try atLeast(9).solve(timeout: 0) == .satisfiable([4, 0, 0]))
    #expect(try BitVectorQuery(small, property(box, [], of: small)).solve(timeout: 0) == .unsatisfiable)
    #expect(try atLeast(30, [5...5, 0...0, 9...9]).solve(timeout: 0) == .unsatisfiable)
  }

  @Test func aModelHasACodeForEveryInputElement() throws {
    let query = try atLeast(34)
    guard case .satisfiable(let codes) = query.solve() else { return #expect(Bool(false), "34 is reached") }
    #expect(codes.count == 3 && codes[0] == 9 && codes[1] == 0 && (0...255).contains(codes[2]))
  }

  @Test func violationsAreAskedTogetherOrOneByOne() throws {
    let violations = [35, 34, 33].map { [LinearConstraint(outputs: [.init(0, 1)], atLeast: $0)] }
    let query = try BitVectorQuery(small, property(box, violations, of: small))
    #expect(query.solve(violations: [0]) == .unsatisfiable)
    #expect(query.solve(violations: []) == .unsatisfiable)
    for selection in [nil, [1], [2], [0, 1], [0, 2]] {
      guard case .satisfiable = query.solve(violations: selection) else {
        Issue.record("violations \(selection ?? []): some input meets them")
        continue
      }
    }
  }

  @Test func onlyWhatVariesBecomesAVariableAndWhatIsDeadLeavesNoTrace() throws {
    // The second element has one code, the third no weight.
    let text = try atLeast(29, [4...9, 2...2, 0...255]).smtLIB2Text()
    #expect(text.contains("declare-const x0 (_ BitVec 3)"), "six codes from 4 on are three bits")
    #expect(!text.contains("x1") && !text.contains("x2"))
    #expect(text.contains(small.digest))
  }

  @Test func everyNameOfTheScriptIsDefinedBeforeItIsUsed() throws {
    for sums in SumShape.allCases {
      for seed in 0..<40 {
        let program = TinyProgram.make(seed: UInt64(seed))
        let box = program.inputElements.map { type in
          Int32(type.range.lowerBound)...Int32(min(type.range.lowerBound + 3, type.range.upperBound))
        }
        let violations = program.outputElements.indices.map { [LinearConstraint(outputs: [.init($0, 1)], atLeast: 1)] }
        let text = try BitVectorQuery(program, property(box, violations, of: program), sums: sums).smtLIB2Text()
        #expect(text.count { $0 == "(" } == text.count { $0 == ")" })
        var defined: Set<Substring> = []
        for line in text.split(separator: "\n") where !line.hasPrefix(";") && !line.contains("SHA-256") {
          let words = line.split { " ()".contains($0) }
          let names = words.filter { word in
            word.first.map { "xn".contains($0) } == true && word.dropFirst().allSatisfy(\.isNumber) && word.count > 1
          }
          let isDefinition = line.hasPrefix("(declare-const") || line.hasPrefix("(define-fun")
          for name in isDefinition ? names.dropFirst() : names[...] {
            #expect(defined.contains(name), "\(program.name): \(name) in \(line)")
          }
          if isDefinition, let name = names.first { #expect(defined.insert(name).inserted) }
        }
      }
    }
  }

  @Test func aFormatHasTheFewestBits() {
    for low in Int64(-40)...40 {
      for high in low...40 {
        let format = BitVectorFormat(holding: low...high)
        func holds(_ bits: Int) -> Bool {
          guard bits > 0 else { return false }
          let type = CodeType(bits: bits, isSigned: format.isSigned)
          return type.range.contains(low) && type.range.contains(high)
        }
        #expect(holds(format.bits) && !holds(format.bits - 1))
        #expect(format.isSigned == (low < 0))
      }
    }
    #expect(BitVectorFormat(holding: Int64.min...Int64.max).bits == 64)
    #expect(BitVectorFormat(holding: 0...Int64.max).signedBits == 64)
  }

  /// A chain of 30,000 additions must neither recurse while it is built, written, solved or let go, nor take long.
  @Test(arguments: SumShape.allCases) func longSumsAreEncodedAndSolved(sums: SumShape) throws {
    let count = 30_000
    let program = dense([[Int16](repeating: 1, count: count)], shift: 8)
    let largest = Int64((count + 128) >> 8)
    func query(_ least: Int64) throws -> BitVectorQuery {
      try BitVectorQuery(
        program,
        property(
          Array(repeating: 0...1, count: count), [[LinearConstraint(outputs: [.init(0, 1)], atLeast: least)]],
          of: program), sums: sums)
    }
    #expect(try query(largest + 1).solve() == .unsatisfiable)
    let text = try query(1).smtLIB2Text()
    #expect(text.contains("declare-const x\(count - 1) "))
  }

  /// Sums of the same codes by unrelated weights: far too hard within a moment.
  private func hard() throws -> BitVectorQuery {
    let weights: [[Int16]] = (0..<24).map { i in
      (0..<48).map { j in
        let mixed = i * 7919 + j * 104_729 + i * j * 613
        return Int16(mixed % 251) - 125
      }
    }
    let program = dense(weights, shift: 9)
    let constraints: [LinearConstraint] = (0..<24).flatMap { i in
      let target = Int64(i * 37 % 11) - 5
      return [
        LinearConstraint(outputs: [.init(i, 1)], atLeast: target),
        LinearConstraint(outputs: [.init(i, -1)], atLeast: -target),
      ]
    }
    return try BitVectorQuery(program, property(Array(repeating: 0...255, count: 48), [constraints], of: program))
  }

  @Test func aTimeoutEndsTheSearch() throws {
    let start = ContinuousClock.now
    #expect(try hard().solve(timeout: 0.5) == .unknown("timeout after 0.5 s"))
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test func aCancelledSearchEnds() throws {
    var asked = 0
    let answer = try hard().solve {
      asked += 1
      return asked > 5
    }
    #expect(answer == .unknown("cancelled"))
  }

  @Test func aFormulaTooLargeIsRefused() throws {
    let question = try property(box, [[LinearConstraint(outputs: [.init(0, 1)], atLeast: 30)]], of: small)
    #expect(throws: EncodingError.self) { try BitVectorQuery(small, question, sums: .linear, mostNodes: 5) }
    _ = try BitVectorQuery(small, question, sums: .linear, mostNodes: 500)
  }

  @Test func anOperationThatMayOverflowIsNamed() throws {
    // 2^15 times 30,000 weights of 2^15 pass 32 bits.
    let program = dense([[Int16](repeating: .max, count: 30_000)], input: CodeType(bits: 16, isSigned: false))
    let question = try property(
      Array(repeating: 0...65535, count: 30_000), [[LinearConstraint(outputs: [.init(0, 1)], atLeast: 1)]], of: program)
    let error = #expect(throws: EncodingError.self) { try BitVectorQuery(program, question) }
    #expect(error?.reason.contains("layer") == true)
  }
}
