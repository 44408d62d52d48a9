import Arithmetic
import IntegerProgram
import Properties
import Testing

@testable import Certificates

/// What an attacker might try on the checker: numbers that wrap, files that keep it busy, programs that break its
/// assumptions.
@Suite struct CheckerTests {
  private static func program(
    _ operation: Step.Operation, input: (count: Int, type: CodeType), output: (count: Int, type: CodeType)
  ) -> IntegerProgram {
    let value = { (name: String, place: (count: Int, type: CodeType)) in
      Value(name: name, tensor: nil, shape: [1, place.count], type: place.type, scale: 1, zeroPoint: 0)
    }
    let source = Step.Source(index: 0, type: "STEP", name: "y")
    return IntegerProgram(
      name: "step", values: [value("x", input), value("y", output)],
      steps: [Step(operation, source: source, inputs: [0], output: 1)], inputs: [0], outputs: [1])
  }

  private static func anyOutput(_ program: IntegerProgram, _ box: [ClosedRange<Int32>]) throws -> Property {
    try Property(
      box: box, violations: [Violation([LinearConstraint(outputs: [.init(0, 1)], atLeast: -1)])],
      statement: "met everywhere", of: program)
  }

  /// Fifteen of sixteen taps read padding, with the largest weights and multipliers; the sixteenth keeps all other sums
  /// small. What falls on the padding passes 2^63.
  @Test func whatFallsOnThePaddingDoesNotWrap() throws {
    let channels = 1 << 15
    let type = CodeType(bits: 5, isSigned: true)
    let weights = (0..<channels).flatMap { channel -> [Int16] in
      [channel % 2 == 0 ? 32767 : -32767] + Array(repeating: 32767, count: 15)
    }
    let affine = Affine(
      geometry: WindowGeometry(
        batch: 1, inputHeight: 1, inputWidth: 1, inputChannels: 1, outputHeight: 1, outputWidth: 1,
        outputChannels: channels, kernelHeight: 4, kernelWidth: 4),
      groups: 1, paddingCode: 1, weights: weights, bias: Array(repeating: 0, count: channels),
      accumulators: Array(repeating: -2_000_000...2_000_000, count: channels),
      requantization: Requantization(
        multipliers: [.powerOfTwo(-20)], rounding: .single, zeroPoint: 0, clamp: 0...1))
    let program = Self.program(
      .affine(affine), input: (1, type), output: (channels, CodeType(bits: 1, isSigned: false)))
    let checker = try CertificateChecker(program)
    let multipliers = Proof.Multipliers(
      constraints: [1], steps: [0: Array(repeating: (1 << 30) - 1, count: channels)])
    let certificate = Certificate(
      program: checker.digest, property: try Self.anyOutput(program, [-15...15]),
      proofs: [Proof([Proof.Node(end: .contradiction(multipliers))])])
    #expect(throws: CertificateError.self) { try checker.check(certificate) }
  }

  @Test func stepsThatMakeCodesBeyondTheirTypeAreRefused() {
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: 1, outputs: 1), groups: 1, paddingCode: 0, weights: [1], bias: [0],
      accumulators: [-128...127],
      requantization: Requantization(
        multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: -128...127))
    #expect(throws: CertificateError.self) {
      try CertificateChecker(
        Self.program(.affine(affine), input: (1, .int8), output: (1, CodeType(bits: 4, isSigned: true))))
    }
    let table = Lookup(lowest: -128, table: (0..<256).map { $0 })
    #expect(throws: CertificateError.self) {
      try CertificateChecker(Self.program(.lookup(table), input: (1, .int8), output: (1, .int8)))
    }
    let short = Lookup(lowest: -128, table: Array(repeating: 0, count: 200))
    #expect(throws: CertificateError.self) {
      try CertificateChecker(Self.program(.lookup(short), input: (1, .int8), output: (1, .int8)))
    }
  }

  /// Splits on a hidden code leave the inputs as they are, so that the same points could be tried without end.
  @Test func aProofThatTriesPointsWithoutEndIsRefused() throws {
    let type = CodeType(bits: 16, isSigned: true)
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: 2, outputs: 1), groups: 1, paddingCode: 0, weights: [1, 1], bias: [0],
      accumulators: [-100_000...100_000],
      requantization: Requantization(
        multipliers: [.powerOfTwo(-1)], rounding: .single, zeroPoint: 0, clamp: type.range))
    let program = Self.program(.affine(affine), input: (2, type), output: (1, type))
    let checker = try CertificateChecker(program)
    let property = try Property(
      box: [-100...100, -100...100],
      // Odd and even at once: ranges alone do not exclude it.
      violations: [
        Violation([
          LinearConstraint(inputs: [.init(0, 1), .init(1, 1)], outputs: [.init(0, -2)], atLeast: 1),
          LinearConstraint(outputs: [.init(0, 1)], atLeast: -1000),
        ])
      ], statement: "", of: program)
    let nodes = (0..<150).flatMap { step in
      [Proof.Node(end: .split(.accumulator(step: 0, element: 0), at: -150 + Int32(step))), Proof.Node(end: .points)]
    }
    let certificate = Certificate(program: checker.digest, property: property, proofs: [Proof(nodes)])
    let start = ContinuousClock.now
    #expect(throws: CertificateError.self) { try checker.check(certificate) }
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  /// A time limit is kept among points, too: the checker asks often, and stops when it is told.
  @Test func timeIsAskedForAmongPoints() throws {
    let table = Lookup(lowest: -128, table: (0..<256).map { Int32($0) - 128 })
    let program = Self.program(.lookup(table), input: (2, .int8), output: (2, .int8))
    let checker = try CertificateChecker(program)
    // Neither excludes an input by itself.
    let property = try Property(
      box: [0...20, 0...20],
      violations: [
        Violation([
          LinearConstraint(outputs: [.init(0, 1), .init(1, -1)], atLeast: 1),
          LinearConstraint(outputs: [.init(0, -1), .init(1, 1)], atLeast: 0),
        ])
      ], statement: "no code is above and not above another", of: program)
    let certificate = Certificate(
      program: checker.digest, property: property, proofs: [Proof([Proof.Node(end: .points)])])
    var asked = 0
    try checker.check(certificate) {
      asked += 1
      return false
    }
    #expect(asked >= 4)
    for limit in 1..<asked {
      var left = limit
      #expect(throws: CertificateError("goal 0: node 0: there was no time to check it")) {
        try checker.check(certificate) {
          left -= 1
          return left < 0
        }
      }
    }
  }

  /// The larger a network, the fewer points: a small file must not keep the checker busy for hours.
  @Test func pointsAreLimitedByTheWorkThatEachTakes() throws {
    let (inputs, outputs) = (1024, 1024)
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: inputs, outputs: outputs), groups: 1, paddingCode: 0,
      weights: (0..<inputs * outputs).map { $0 % inputs < 3 ? 1 : 0 }, bias: Array(repeating: 0, count: outputs),
      accumulators: Array(repeating: -384...381, count: outputs),
      requantization: Requantization(multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: -128...127))
    let program = Self.program(.affine(affine), input: (inputs, .int8), output: (outputs, .int8))
    let checker = try CertificateChecker(program)
    #expect(program.work == inputs * outputs && checker.bounded.mostPoints == 1 << 16)
    func check(_ least: Int64) throws {
      let property = try Property(
        box: (0..<inputs).map { $0 < 3 ? -128...127 : 0...0 },
        // The second needs what the first excludes.
        violations: [
          Violation([
            LinearConstraint(outputs: [.init(0, 1), .init(1, -1)], atLeast: 1),
            LinearConstraint(outputs: [.init(0, 1)], atLeast: least),
          ])
        ], statement: "", of: program)
      try checker.check(
        Certificate(
          program: checker.digest, property: property, proofs: [Proof([Proof.Node(end: .points)])]))
    }
    let start = ContinuousClock.now
    #expect(throws: CertificateError("goal 0: node 0: it tries more than 65536 points")) { try check(-128) }
    // Where no input is left there are no points either.
    #expect(throws: Never.self) { try check(128) }
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  /// y = x, and x = k alone violates the property: whichever way the box is split, k is in one of the cases.
  @Test func theCasesOfASplitLeaveNothingOut() throws {
    let type = CodeType(bits: 4, isSigned: true)
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: 1, outputs: 1), groups: 1, paddingCode: 0, weights: [1], bias: [0],
      accumulators: [-8...7],
      requantization: Requantization(multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: type.range))
    let program = Self.program(.affine(affine), input: (1, type), output: (1, type))
    let checker = try CertificateChecker(program)
    for k in Int64(-8)...7 {
      for at in Int32(-9)...8 {
        let property = try Property(
          box: [-8...7],
          violations: [
            Violation([
              LinearConstraint(outputs: [.init(0, 1)], atLeast: k),
              LinearConstraint(outputs: [.init(0, -1)], atLeast: -k),
            ])
          ], statement: "never \(k)", of: program)
        for variable in [Variable.code(value: 0, element: 0), .accumulator(step: 0, element: 0)] {
          let ends: [Proof.End] = [.split(variable, at: at), .empty, .empty]
          let certificate = Certificate(
            program: checker.digest, property: property, proofs: [Proof(ends.map { Proof.Node(end: $0) })])
          #expect(throws: CertificateError.self) { try checker.check(certificate) }
        }
      }
    }
  }

  @Test func deepProofsAreRefused() throws {
    let type = CodeType(bits: 16, isSigned: true)
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: 1, outputs: 1), groups: 1, paddingCode: 0, weights: [1], bias: [0],
      accumulators: [-100_000...100_000],
      requantization: Requantization(
        multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: type.range))
    let program = Self.program(.affine(affine), input: (1, type), output: (1, type))
    let checker = try CertificateChecker(program)
    let property = try Property(
      box: [-30000...30000], violations: [Violation([LinearConstraint(outputs: [.init(0, 1)], atLeast: -30000)])],
      statement: "", of: program)
    // Each lower case is split again.
    let nodes = (0..<50_000).map { Proof.Node(end: .split(.code(value: 0, element: 0), at: 29999 - Int32($0))) }
    #expect(throws: CertificateError("goal 0: the proof is too deep")) {
      try checker.check(Certificate(program: checker.digest, property: property, proofs: [Proof(nodes)]))
    }
  }
}
