import Importers
import IntegerProgram
import Network
import Simulation

/// What becomes of bytes that claim to be a network, all the way through what the commands do with them.
enum HostileCheck {
  enum Outcome: Sendable, Equatable {
    case accepted
    /// With the message that the user reads.
    case refused(String)
  }

  /// Networks with more work than this are not simulated: that takes its time, and hides nothing that a small one does
  /// not show.
  private static let mostWork = 20_000_000

  static func outcome(of bytes: [UInt8]) -> Outcome {
    do {
      let model = try ModelFile(bytes: bytes, path: "mutation.tflite")
      let options = LoweringOptions()
      let program = try model.program(options)
      let report = NetworkReport(model, program, options)
      precondition(!report.text.isEmpty && !report.json.text.isEmpty, "a report says something")
      let codes = program.values.reduce(0) { $0 + $1.count }
      guard program.multiplyAccumulates + codes <= mostWork else { return .accepted }
      let inputs = program.inputs.map { index in
        let value = program.values[index]
        return [Int32](repeating: Int32(value.type.range.upperBound), count: value.count)
      }
      let outputs = try Simulator(program).run(inputs)
      for (index, codes) in zip(program.outputs, outputs) {
        let value = program.values[index]
        precondition(codes.allSatisfy { value.range.contains(Int64($0)) }, "outputs stay in their proved range")
      }
      return .accepted
    } catch {
      return .refused("\(error)")
    }
  }
}
