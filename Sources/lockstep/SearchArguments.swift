import ArgumentParser
import IntegerProgram
import Reporting
import Simulation

/// What is asked of a network, as questions with an answer or as figures that are searched for.
@dynamicMemberLookup
struct SearchArguments: ParsableArguments {
  @OptionGroup var questions: QuestionArguments

  @Flag(help: "Find each sample's largest proved and smallest refuted epsilon in codes; --epsilon limits the search.")
  var maxRadius = false

  @Flag(
    help:
      "Find each output's range over the samples' neighbourhoods, a property file's box, or all inputs where neither is given."
  )
  var outputRange = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --output-range: which output elements; all unless given.", valueName: "0,1,4-7"),
    transform: IndexList.init)
  var outputs: IndexList?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of a network with variables: ask about the K-th call from the initial ones on; samples are [K, …shape…].",
      discussion: "Without, questions are about one call after any history.", valueName: "K"))
  var calls: Int?

  /// The program that questions about a network are asked of.
  func program(asking program: IntegerProgram) throws -> IntegerProgram {
    try questions.expectMeaning(of: program)
    guard let calls else {
      if !program.states.isEmpty {
        writeError(
          "the network keeps \(counted(program.states.count, "variable")) from one call to the next: questions are about one call "
            + "after any history; --calls K asks about the K-th")
      }
      return program
    }
    guard !program.states.isEmpty else {
      throw ValidationError("--calls is about networks that keep variables from one call to the next; this one keeps none.")
    }
    guard calls * program.work <= Self.mostUnrolledWork else {
      throw ValidationError("--calls \(calls) would take \(calls * program.work) operations a run; fewer calls, please.")
    }
    return program.unrolled(calls: calls)
  }
  private static let mostUnrolledWork = 1 << 32

  subscript<Value>(dynamicMember member: KeyPath<QuestionArguments, Value>) -> Value { questions[keyPath: member] }

  var isGiven: Bool { questions.isGiven || outputRange }

  func validate() throws {
    if let calls, !(1...10_000).contains(calls) { throw ValidationError("--calls must be in 1 … 10,000.") }
    if maxRadius && outputRange { throw ValidationError("--max-radius and --output-range are two questions.") }
    if outputs != nil && !outputRange { throw ValidationError("--outputs goes with --output-range.") }
    if maxRadius {
      if self.images == nil { throw ValidationError("--max-radius needs --images.") }
      if self.radii != nil || self.real || (self.epsilon?.epsilons.count ?? 1) > 1 {
        throw ValidationError("--max-radius searches codes, up to one --epsilon; --radii and --real do not go with it.")
      }
    }
    if outputRange && self.labels != nil {
      throw ValidationError("--output-range asks for no class; leave out --labels.")
    }
    if !self.properties.isEmpty && self.images != nil && (maxRadius || outputRange) {
      throw ValidationError("--property and --images are two questions.")
    }
    if self.images != nil && !maxRadius && self.epsilon == nil && self.radii == nil {
      throw ValidationError("--images needs --epsilon, --radii or --max-radius.")
    }
    if outputRange && (self.threshold != nil || self.topK != nil) {
      throw ValidationError("--output-range asks for no class; leave out --threshold and --top-k.")
    }
    try questions.expectSense(maxRadius: maxRadius)
  }

  /// The questions about samples; nil without --images. A question about ranges asks for no class.
  func sampleQuestions(_ simulator: Simulator) throws -> SampleQuestions? {
    try questions.sampleQuestions(simulator, asksClass: !outputRange)
  }

  /// All questions of a batch.
  func queries(_ simulator: Simulator, samples: SampleQuestions? = nil) throws -> [VerificationQuery] {
    try questions.queries(simulator, samples: try samples ?? sampleQuestions(simulator))
  }
}
