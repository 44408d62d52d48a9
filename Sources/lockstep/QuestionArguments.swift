import ArgumentParser
import Evaluation
import Importers
import IntegerProgram
import Properties
import Simulation

/// The options that say what is asked of a network.
struct QuestionArguments: ParsableArguments {
  @Option(
    name: [.customLong("property"), .customLong("properties")],
    help: ArgumentHelp("A VNN-LIB 1.0 file; may be given more than once.", valueName: "p.vnnlib"))
  var properties: [String] = []

  @OptionGroup var asked: SampleArguments

  // A value may start with a minus, which is told then.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How far each element may move, in codes; one or more.", valueName: "1,2,3"),
    transform: EpsilonList.init)
  var epsilon: EpsilonList?

  @Option(
    help: ArgumentHelp(
      "In place of epsilon a radius for each element: integers are codes, floats real values.", valueName: "r.npy"))
  var radii: String?

  @Option(help: ArgumentHelp("Which elements may move: those that are not 0 here.", valueName: "m.npy"))
  var mask: String?

  // The value may start with a minus.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("No element leaves these codes; those of the input's type unless given.", valueName: "lowest-highest"),
    transform: CodeRange.init)
  var clip: CodeRange?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of a network with one output element: it is class 1 from this code on, class 0 below.",
      discussion: "Unless given, the code of 0.5 where the output comes out of a sigmoid.", valueName: "code"))
  var threshold: Int32?

  @Option(
    name: .customLong("top-k"),
    help: ArgumentHelp("The label need only stay among the k largest outputs; 1 unless given.", valueName: "k"))
  var topK: Int?

  @Flag(help: "Samples that the network gives another class than their label are told, and stand in no one's way.")
  var allowMisclassified = false

  @Flag(help: "Property files and epsilon are in real values: real = scale · (code − zero point), exactly.")
  var real = false

  var images: String? { asked.images }
  var labels: String? { asked.labels }
  var samples: IndexList? { asked.samples }
  var inputs: InputArguments { asked.inputs }

  var isGiven: Bool { !properties.isEmpty || images != nil }

  /// Throws where options do not go together; a search for radii needs none.
  func expectSense(maxRadius: Bool = false) throws {
    if images != nil && !maxRadius && epsilon == nil && radii == nil {
      throw ValidationError("--images needs --epsilon or --radii.")
    }
    if images == nil {
      for (option, isGiven) in [
        ("--labels", labels != nil), ("--samples", samples != nil), ("--epsilon", epsilon != nil),
        ("--radii", radii != nil), ("--mask", mask != nil), ("--clip", clip != nil),
        ("--threshold", threshold != nil), ("--top-k", topK != nil), ("--allow-misclassified", allowMisclassified),
      ] where isGiven { throw ValidationError("\(option) goes with --images.") }
    }
    if threshold != nil && topK != nil { throw ValidationError("--threshold and --top-k are two ways to say a class.") }
    if let topK, topK < 1 { throw ValidationError("--top-k is \(topK); it must be at least 1.") }
    if epsilon != nil && radii != nil { throw ValidationError("--epsilon and --radii are two ways to say the same.") }
  }

  /// A property file as read.
  struct PropertyFile: Sendable {
    var path, name: String
    var property: Property
  }

  /// The properties of the files, each with a name of its own.
  func propertyFiles(for program: IntegerProgram) throws -> [PropertyFile] {
    var names: Set<String> = []
    return try properties.map { path in
      let bytes = try InputFile.bytes(path: path, limit: Self.largestProperty)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw FileError(path: path, reason: "is no text: a property is a VNN-LIB 1.0 file")
      }
      let file = path.split(separator: "/").last.map(String.init) ?? path
      guard file == file.printable(255) else {
        throw FileError(path: path, reason: "has control characters in its name, by which its question is called")
      }
      let stem = file.hasSuffix(".vnnlib") && file.count > 7 ? String(file.dropLast(7)) : file
      // Certificates and counterexamples are called so: a name is given once.
      var name = stem
      var number = 1
      while !names.insert(name).inserted {
        number += 1
        name = "\(stem)-\(number)"
      }
      let property: Property
      do {
        property = try VNNLIB(text).property(
          of: program, units: real ? .reals : .codes, statement: "\(file)\(real ? ", in real values" : "")")
      } catch {
        throw FileError(path: path, reason: "\(error)")
      }
      guard !real || property.isKept(by: program.finish) else {
        throw FileError(
          path: path,
          reason: "is about real values of outputs whose last function is left to the caller (see the notice): compare "
            + "\(program.finish == .monotone ? "outputs with each other, or " : "")codes, without --real")
      }
      return PropertyFile(path: path, name: name, property: property)
    }
  }

  /// Tells what is left to the caller in front of the inputs' codes and behind the outputs'. Throws where the question is
  /// about real values of inputs that would be taken for others than the file's.
  func expectMeaning(of program: IntegerProgram) throws {
    if program.preparesInputs || program.finish != .nothing { writeNotices(program.notices) }
    guard program.preparesInputs else { return }
    guard !real else {
      throw ValidationError(
        "--real is about the real values of the file's inputs, and the codes stand for what is left to the caller to make "
          + "of them (see the notice); ask in codes, without --real.")
    }
  }

  /// A property of 784 inputs and some hundred cases has a few megabytes.
  private static let largestProperty = 64 << 20

  /// The questions about samples; nil without --images. `others` are files of inputs that the same options are about.
  /// Where no class is asked for, the largest code is it.
  func sampleQuestions(
    _ simulator: Simulator, beside others: InputVectors? = nil, asksClass: Bool = true
  ) throws -> SampleQuestions? {
    guard let images else {
      if let others { try InputArguments.take(others.files, inputs.meaning) }
      return nil
    }
    let program = simulator.program
    let set = try SampleSet(
      images: images, labels: labels, samples: samples?.indices, meaning: inputs.meaning,
      rule: asksClass ? try classRule(of: program) : .largest, simulator: simulator)
    try InputArguments.take([set.file] + (others?.files ?? []), inputs.meaning)
    return SampleQuestions(
      program: program, set: set,
      mask: try mask.map { try Perturbation.mask(path: $0, program: program) }, clip: clip?.range)
  }

  private func classRule(of program: IntegerProgram) throws -> ClassRule {
    try ClassRule.asked(
      threshold: threshold, topK: topK, of: program, otherwise: "or ask for the output itself by --property")
  }

  /// What --epsilon and --radii come to.
  func perturbations(_ questions: SampleQuestions) throws -> [Perturbation] {
    if let radii {
      return [try Perturbation(radiiFile: radii, mask: questions.mask, program: questions.program)]
    }
    return try (epsilon?.epsilons ?? []).map {
      let perturbation = try Perturbation(epsilon: $0, isReal: real, mask: questions.mask, program: questions.program)
      if perturbation.isEverything(of: questions.program, clip: questions.clip) {
        InputArguments.tell("no code is further from another: every input is meant", of: "--epsilon \($0.text)")
      }
      return perturbation
    }
  }

  /// All questions of a batch, about samples that have been read.
  func queries(_ simulator: Simulator, samples questions: SampleQuestions?) throws -> [VerificationQuery] {
    let files = try propertyFiles(for: simulator.program).map { file in
      VerificationQuery(id: file.name, file: file.path, property: { file.property })
    }
    guard let questions else { return files }
    let queries = try perturbations(questions).flatMap { perturbation in
      questions.set.samples.indices.map { questions.query($0, perturbation) }
    }
    let names = Set(queries.map(\.id))
    if let file = files.first(where: { names.contains($0.id) }) {
      throw ValidationError("\(file.file ?? "") is called as the question about a sample; give the file another name.")
    }
    return files + queries
  }
}

/// Questions about the neighbourhoods of samples.
struct SampleQuestions: Sendable {
  let program: IntegerProgram
  let set: SampleSet
  let mask: [Bool]?
  let clip: ClosedRange<Int32>?

  /// Whether the class of the `index`th sample asked about is its label in a neighbourhood.
  func query(_ index: Int, _ perturbation: Perturbation) -> VerificationQuery {
    let (sample, label) = (set.samples[index], set.labels[index])
    let codes = set.codes(sample)
    return VerificationQuery(
      id: "s\(sample)-\(perturbation.name)", sample: sample, label: label, epsilon: perturbation.epsilon,
      rule: set.rule, isMisclassified: isMisclassified(index), center: codes,
      property: { [rule = set.rule] in
        do {
          return try Property.robustness(
            of: program, around: codes, radii: perturbation.radii, clip: clip, label: label, rule: rule,
            statement: "sample \(sample) \(rule.text(of: label)) within "
              + (perturbation.epsilon.map { "epsilon \($0)" } ?? "its radii"))
        } catch {
          throw UsageError("Sample \(sample): \(error).")
        }
      })
  }

  /// The neighbourhood itself.
  func box(_ index: Int, _ perturbation: Perturbation) throws -> [ClosedRange<Int32>] {
    do {
      return try Property.ball(
        in: program, around: set.codes(set.samples[index]), radii: perturbation.radii, clip: clip)
    } catch {
      throw ValidationError("Sample \(set.samples[index]): \(error.reason).")
    }
  }
}
