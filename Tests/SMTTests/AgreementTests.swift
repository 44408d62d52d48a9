import Arithmetic
import DifferentialTesting
import IntegerProgram
import Properties
import Simulation
import Testing

@testable import SMT

/// The formula says what the program computes: all answers are those that enumeration gives.
@Suite struct AgreementTests {
  @Test(arguments: 0..<400) func answersAboutTinyProgramsAreThoseOfEnumeration(seed: Int) throws {
    try expectAgreement(TinyProgram.make(seed: UInt64(seed)), seed: UInt64(seed))
  }

  @Test(arguments: 0..<200) func answersAboutLoweredNetworksAreThoseOfEnumeration(seed: Int) throws {
    guard let program = lowered(seed) else { return }
    try expectAgreement(program, seed: UInt64(seed))
  }

  @Test(.enabled(if: SecondSolver.isHere, SecondSolver.isAbsent), arguments: 0..<60)
  func aSecondSolverAnswersTheTextAsEnumerationDoes(seed: Int) throws {
    let program = seed % 2 == 0 ? TinyProgram.make(seed: UInt64(seed)) : lowered(seed)
    guard let program else { return }
    var random = SeededGenerator(seed: ~UInt64(seed))
    let box = try EnumeratedBox(of: program, &random)
    for sums in SumShape.allCases {
      let property = try box.property(&random)
      let query = try BitVectorQuery(program, property, sums: sums)
      let answer = try SecondSolver.answer(query.smtLIB2Text())
      let isMet = box.meets(property, Array(property.violations.indices))
      #expect(answer.verdict == (isMet ? "sat" : "unsat"), "\(program.name), \(sums)")
      if isMet {
        let codes = property.box.enumerated().map { $1.lowerBound + (answer.values["x\($0)"] ?? 0) }
        try expectViolation(property, codes, program, among: Array(property.violations.indices))
      }
    }
  }

  /// Over the whole box no range is narrow and little folds. On random inputs the formula must yield the simulator's
  /// outputs and no others.
  @Test(arguments: 0..<400) func theWholeFormulaComputesWhatTheSimulatorComputes(seed: Int) throws {
    let program = seed % 2 == 0 ? TinyProgram.make(seed: UInt64(seed)) : lowered(seed)
    // Tables of 2^16 unrelated codes make formulas of millions of nodes.
    guard let program, program.values.allSatisfy({ $0.type.bits <= 12 }) else { return }
    var random = SeededGenerator(seed: UInt64(seed) + 77)
    let types = program.inputElements
    let samples = (0..<4).map { _ in
      types.map { Int32(random.integer(in: Int($0.range.lowerBound)...Int($0.range.upperBound))) }
    }
    // For each sample: its outputs, then all that differ from them in one element.
    let questions = try samples.map { inputs in
      let outputs = try ReferenceInterpreter(program).run(program.inputs(flat: inputs)).flatMap { $0 }
      let same = outputs.enumerated().flatMap { element, code in
        [
          LinearConstraint(outputs: [.init(element, 1)], atLeast: Int64(code)),
          LinearConstraint(outputs: [.init(element, -1)], atLeast: -Int64(code)),
        ]
      }
      let others = same.map { Violation([LinearConstraint(outputs: $0.outputs, atLeast: $0.least + 1)]) }
      return [Violation(same)] + others
    }
    let property = try Property(
      box: types.map { Int32($0.range.lowerBound)...Int32($0.range.upperBound) }, violations: questions.flatMap { $0 },
      statement: "", of: program)
    for sums in SumShape.allCases {
      let query = try BitVectorQuery(program, property, sums: sums)
      var first = 0
      for (inputs, violations) in zip(samples, questions) {
        let others = Array(first + 1..<first + violations.count)
        #expect(query.isMet(by: inputs, violations: [first]), "\(program.name), \(sums): \(inputs)")
        #expect(!query.isMet(by: inputs, violations: others), "\(program.name), \(sums): \(inputs)")
        first += violations.count
      }
    }
  }

  private func lowered(_ seed: Int) -> IntegerProgram? {
    let limits = RandomNetworkLimits(operations: 1...5, elements: 60, weightBytes: 2_000, multiplyAccumulates: 3_000)
    let rounding = Rounding.allCases[seed % Rounding.allCases.count]
    return try? IntegerProgram(
      lowering: RandomNetwork.make(seed: UInt64(seed), limits: limits), options: LoweringOptions(rounding: rounding))
  }

  private func expectAgreement(_ program: IntegerProgram, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let box = try EnumeratedBox(of: program, &random)
    // A solver may leave a question open on a machine that is busy, but not all of them.
    var (decided, open) = (0, [String]())
    for _ in 0..<2 {
      let property = try box.property(&random)
      for sums in SumShape.allCases {
        let query = try BitVectorQuery(program, property, sums: sums)
        let all = Array(property.violations.indices)
        for selection in [nil] + all.map({ [$0] }) {
          switch query.solve(violations: selection, timeout: program.hasRoots ? 1 : 60) {
          case .unsatisfiable:
            decided += 1
            #expect(!box.meets(property, selection ?? all), "\(program.name), \(sums): \(property.violations)")
          case .satisfiable(let codes):
            decided += 1
            try expectViolation(property, codes, program, among: selection ?? all)
          // Roots and logarithms are long iterations, which the solver may leave undecided.
          case .unknown where program.hasRoots: break
          case .unknown(let reason): open.append("\(sums): \(reason)")
          }
        }
      }
    }
    #expect(open.count <= decided, "\(program.name): \(open)")
    #expect(open.allSatisfy { $0.contains("timeout") }, "\(program.name): \(open)")
  }

  /// Replays a model on the definitions.
  private func expectViolation(
    _ property: Property, _ codes: [Int32], _ program: IntegerProgram, among violations: [Int]
  ) throws {
    #expect(property.contains(codes), "\(program.name): \(codes) is outside the box")
    let outputs = try ReferenceInterpreter(program).run(program.inputs(flat: codes)).flatMap { $0 }
    #expect(
      violations.contains { property.violations[$0].isMet(inputs: codes, outputs: outputs) },
      "\(program.name): \(codes) yields \(outputs)")
  }
}

extension IntegerProgram {
  /// Whether a step takes a square root or a logarithm in fixed point.
  fileprivate var hasRoots: Bool {
    steps.contains { step in
      switch step.operation {
      case .normalize: true
      case .softmax(let softmax): if case .shares = softmax.kind { false } else { true }
      default: false
      }
    }
  }
}
