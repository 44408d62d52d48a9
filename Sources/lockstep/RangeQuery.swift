import ArgumentParser
import Evaluation
import Importers
import IntegerProgram
import Properties
import Reporting
import Simulation

/// The question for an output element's range over a box.
struct RangeQuery: Sendable {
  /// A box whose outputs' ranges are asked for.
  struct Domain: Sendable {
    /// What the names of its questions start with.
    var name: String
    var sample: Int?
    var epsilon, file: String?
    var box: [ClosedRange<Int32>]
    /// An input of the box.
    var inside: [Int32]
  }

  let domain: Domain
  let element: Int
  /// Of a domain of one input the code that it leads to: nothing is asked of the network then.
  let only: Int?
  var id: String { "\(domain.name)y\(element)" }

  /// That the element stays in `range`.
  func property(_ range: ClosedRange<Int>, of program: IntegerProgram) throws(PropertyError) -> Property {
    try Property.outputRange(
      of: program, box: domain.box, element: element, range: Int64(range.lowerBound)...Int64(range.upperBound),
      statement: "output \(element) is in \(range.lowerBound) … \(range.upperBound)")
  }

  /// The question whether the element stays in `range`.
  func query(_ range: ClosedRange<Int>, of program: IntegerProgram) -> VerificationQuery {
    VerificationQuery(
      id: id, sample: domain.sample, epsilon: domain.epsilon, file: domain.file, output: element,
      property: { try property(range, of: program) })
  }
}

extension SearchArguments {
  /// The questions of --output-range: each output element over each neighbourhood, property file's box, or all inputs.
  func rangeQueries(_ simulator: Simulator) throws -> [RangeQuery] {
    let types = simulator.program.outputElements
    let elements = outputs?.indices ?? Array(types.indices)
    if let stray = elements.first(where: { !types.indices.contains($0) }) {
      throw ValidationError(
        "--outputs names element \(stray); the network has \(counted(types.count, "output element")).")
    }
    return try domains(simulator).flatMap { domain in
      let isOne = domain.box.allSatisfy { $0.lowerBound == $0.upperBound }
      let outputs =
        isOne ? try simulator.run(simulator.program.inputs(flat: domain.inside)).flatMap { $0.map { Int($0) } } : nil
      return elements.map { RangeQuery(domain: domain, element: $0, only: outputs?[$0]) }
    }
  }

  private func domains(_ simulator: Simulator) throws -> [RangeQuery.Domain] {
    if let questions = try sampleQuestions(simulator) {
      return try self.questions.perturbations(questions).flatMap { perturbation in
        try questions.set.samples.enumerated().map { index, sample in
          RangeQuery.Domain(
            name: "s\(sample)-\(perturbation.name)-", sample: sample, epsilon: perturbation.epsilon,
            box: try questions.box(index, perturbation),
            inside: questions.set.codes(sample) + Self.middle(of: simulator.program.stateBox))
        }
      }
    }
    let program = simulator.program
    func domain(_ name: String, file: String? = nil, _ box: [ClosedRange<Int32>]) -> RangeQuery.Domain {
      RangeQuery.Domain(name: name, file: file, box: box, inside: Self.middle(of: box))
    }
    guard self.properties.isEmpty else {
      return try questions.propertyFiles(for: program).map { file in
        if let vacuity = file.property.vacuity(of: program), vacuity == .noCases || vacuity == .contradiction {
          throw FileError(
            path: file.path, reason: "its conditions leave no input, and so no range: \(vacuity.text)")
        }
        return domain(file.name + "-", file: file.path, file.property.box)
      }
    }
    return [domain("", program.everyInput)]
  }

  private static func middle(of box: [ClosedRange<Int32>]) -> [Int32] {
    box.map { Int32((Int64($0.lowerBound) + Int64($0.upperBound)) / 2) }
  }
}

extension IntegerProgram {
  /// The box of all inputs.
  var everyInput: [ClosedRange<Int32>] {
    inputRanges.map { Int32($0.lowerBound)...Int32($0.upperBound) }
  }
}
