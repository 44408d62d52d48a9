import CodeGeneration
import DifferentialTesting
import Importers
import IntegerProgram
import Network
import Simulation

/// What becomes of damaged networks, all the way through what the commands do with them.
struct HostileCheck {
  /// The sound files.
  let files: [[UInt8]]
  let seed: UInt64

  enum Outcome: Sendable, Equatable {
    case accepted
    /// With the message that the user reads.
    case refused(String)
  }

  /// What mutation `index` damages: two of three the bytes of a file, the third what the file means.
  enum Mutation {
    case file(FileMutation)
    case network(NetworkMutation, file: Int)
    /// A file that is not sound to begin with.
    case none(FileError)
  }

  /// Mutation `index` of the sequence; each can be made without the others.
  func mutation(_ index: Int) -> Mutation {
    var random = SeededGenerator(seed: seed &+ UInt64(index) &* 0xD134_2543_DE82_EF95)
    guard index % 3 == 2 else { return .file(FileMutation(of: files, random: random)) }
    let file = random.integer(in: 0...files.count - 1)
    do {
      let sound = try ModelFile(bytes: files[file], path: "model.tflite").network
      return .network(NetworkMutation(of: sound, random: random), file: file)
    } catch {
      return .none(error)
    }
  }

  func outcome(of mutation: Mutation) -> Outcome {
    do {
      switch mutation {
      case .file(let mutation): try use(ModelFile(bytes: mutation.bytes, path: "model.tflite"))
      case .network(let mutation, _):
        try mutation.network.validate()
        try use(ModelFile(mutation.network, path: "model.tflite"))
      case .none(let error): throw error
      }
      return .accepted
    } catch {
      return .refused("\(error)")
    }
  }

  /// Networks with more work than this are not simulated: that takes its time, and hides nothing that a small
  /// one does not show.
  private static let mostWork = 20_000_000
  /// As much for the weights of a network whose C is generated.
  private static let mostWeights = 30_000

  private func use(_ model: ModelFile) throws {
    let options = LoweringOptions()
    let program = try model.program(options)
    let report = NetworkReport(model, program, options)
    precondition(!report.text.isEmpty && !report.json.text.isEmpty, "a report says something")
    let plan = MemoryPlan(program)
    if report.weights <= Self.mostWeights {
      let options = CodeOptions(
        names: CNames(modelName: program.name), commandLine: "", modelFile: model.path,
        modelDigest: model.sha256)
      let files = CodeGenerator(program, plan: plan, options: options).files(selfTest: nil)
      precondition(files.allSatisfy { !$0.text.isEmpty }, "generated files say something")
    }

    let codes = program.values.reduce(0) { $0 + $1.count }
    guard program.multiplyAccumulates + codes <= Self.mostWork else { return }
    let inputs = program.inputs.map { index in
      let value = program.values[index]
      return [Int32](repeating: Int32(value.range.upperBound), count: value.count)
    }
    let outputs = try Simulator(program).run(inputs)
    for (index, codes) in zip(program.outputs, outputs) {
      let value = program.values[index]
      precondition(codes.allSatisfy { value.range.contains(Int64($0)) }, "outputs stay in their proved range")
    }
  }
}

extension HostileCheck.Mutation {
  /// What was damaged, by its index among the sound files, and how.
  var description: (file: Int, text: String) {
    switch self {
    case .file(let mutation): (mutation.file, mutation.description)
    case .network(let mutation, let file): (file, "the network: \(mutation.description)")
    case .none(let error): (0, "\(error)")
    }
  }
}
