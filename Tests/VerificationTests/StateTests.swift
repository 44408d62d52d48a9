import Certificates
import IntegerProgram
import Network
import Properties
import Simulation
import Testing
import Verification

/// Programs with states: a question is about one call after any history.
@Suite struct StateVerdictTests {
  /// y = s = relu6(x + s) with x of few codes, which keeps histories few.
  private static func network(initial: Int8) -> Network {
    func codes(_ name: String, scale: Float) -> Tensor {
      Tensor(
        name: name, shape: [1], type: .int8, quantization: Quantization(scales: [scale], zeroPoints: [-128]))
    }
    return Network(
      name: "sum", tensors: [codes("x", scale: 0.3), codes("s", scale: 0.5), codes("y", scale: 0.5)],
      operations: [Operation(.add(.relu6), typeName: "ADD", inputs: [0, 1], outputs: [2])], inputs: [0, 1],
      outputs: [2, 2],
      states: [NetworkState(name: "s", read: 1, written: 2, initial: [UInt8(bitPattern: initial)])])
  }

  @Test("verdicts over the invariant hold for every history, and are those of enumeration", arguments: [-128, -120] as [Int8])
  func histories(initial: Int8) throws {
    let program = try IntegerProgram(lowering: Self.network(initial: initial))
    let simulator = Simulator(program)
    let inputs: ClosedRange<Int32> = -128...(-124)
    let invariant = program.values[program.states[0].read].range
    #expect(invariant == -128...(-116))
    // Every state that some history reaches.
    var reached: Set<Int32> = [Int32(initial)], frontier = reached
    while !frontier.isEmpty {
      var next: Set<Int32> = []
      for state in frontier {
        for input in inputs { next.formUnion(try simulator.run([[input], [state]])[1]) }
      }
      frontier = next.subtracting(reached)
      reached.formUnion(next)
    }
    #expect(reached.allSatisfy { invariant.contains(Int64($0)) })

    let verifier = try Verifier(program)
    let checker = try CertificateChecker(program)
    for bound in -128...(-114) as ClosedRange<Int64> {
      let property = try Property.outputRange(
        of: program, box: [inputs] + program.stateBox, element: 0, range: -128...bound, statement: "y")
      var (holds, holdsWhereReached) = (true, true)
      for input in inputs {
        for state in invariant {
          let output = try simulator.run([[input], [Int32(state)]])[0][0]
          guard Int64(output) > bound else { continue }
          holds = false
          if reached.contains(Int32(state)) { holdsWhereReached = false }
        }
      }
      let result = verifier.verify(property)
      switch result.verdict {
      case .proved(let certificate):
        #expect(holds && holdsWhereReached, "proved: at most \(bound)")
        #expect(throws: Never.self) { try checker.check(certificate) }
      case .violated(let codes):
        #expect(!holds, "violated: at most \(bound)")
        #expect(property.violation(inputs: codes.inputs, outputs: codes.outputs) != nil)
      case .unknown: Issue.record("a program of two codes is decided")
      }
    }
  }

  @Test("a box outside a state's invariant, and a certificate for a state that leaves it, are refused")
  func outside() throws {
    var program = try IntegerProgram(lowering: Self.network(initial: -128))
    #expect(throws: PropertyError.self) {
      try Property.outputRange(
        of: program, box: [-128...(-124), -128...127], element: 0, range: -128...0, statement: "y")
    }
    #expect(throws: Never.self) { try BoundedProgram(program) }
    program.states[0].initial = [0]
    #expect(throws: CertificateError.self) { try BoundedProgram(program) }
    program.states[0].initial = [-128]
    program.values[program.states[0].read].range = -128...(-120)
    #expect(throws: CertificateError.self) { try BoundedProgram(program) }
  }
}
