import Certificates
import DifferentialTesting
import IntegerProgram
import Properties
import SMT
import Testing
import Verification

/// Verdicts on random programs against enumeration of their whole boxes.
@Suite struct VerdictTests {
  /// What some verdicts came to.
  struct Tally: Sendable {
    var proved = 0
    var violated = 0
    var unknown = 0
    var nodes = 0
    /// By the stage that decided.
    var stages: [Stage: Int] = [:]
    var faults: [String] = []
    /// Why some are unknown.
    var reasons: [String] = []

    mutating func add(_ other: Tally) {
      proved += other.proved
      violated += other.violated
      unknown += other.unknown
      nodes += other.nodes
      stages.merge(other.stages, uniquingKeysWith: +)
      faults += other.faults
      reasons += other.reasons
    }

    init() {}
    init(_ tallies: [Tally]) {
      self.init()
      for tally in tallies { add(tally) }
    }

    /// Holds a verdict against the truth.
    mutating func add(
      _ result: VerificationResult, of property: Property, _ instance: Instance, checker: CertificateChecker,
      _ name: String
    ) {
      let truth = instance.counterexample(to: property)
      func fault(_ what: String) { faults.append("seed \(instance.seed), \(name): \(what)") }
      nodes += result.nodes
      stages[result.stage, default: 0] += 1
      switch result.verdict {
      case .proved(let certificate):
        proved += 1
        if let truth { fault("proved in \(result.stage), but \(truth) violates it") }
        do {
          let read = try Certificate(fileBytes: certificate.fileBytes, of: instance.program)
          if read != certificate { fault("the certificate changes when written and read") }
          if read.property.canonicalBytes != property.canonicalBytes {
            fault("the certificate is about another property")
          }
          try checker.check(read)
        } catch {
          fault("the certificate is refused: \(error)")
        }
      case .violated(let example):
        violated += 1
        let place = instance.points.firstIndex(of: example.inputs)
        let violation = place.flatMap {
          property.violation(inputs: instance.points[$0], outputs: instance.outputs[$0])
        }
        if violation == nil { fault("violated in \(result.stage) by \(example.inputs), which violates nothing") }
        if violation != example.violation { fault("the counterexample names another violation than it meets") }
        if let place, instance.outputs[place] != example.outputs { fault("the counterexample's outputs are wrong") }
      case .unknown(let unknown):
        self.unknown += 1
        reasons.append("seed \(instance.seed), \(result.seconds.rounded()) s: \(unknown.reason)")
        // The goals before a softmax enclose the violations in common: another may stand for this one.
        guard !instance.endsInSoftmax else { break }
        for (index, violation) in property.violations.enumerated() {
          let met = instance.points.indices.filter {
            violation.isMet(inputs: instance.points[$0], outputs: instance.outputs[$0])
          }
          let first = violation.constraints[0]
          let most = met.map {
            first.value(inputs: instance.points[$0], outputs: instance.outputs[$0]) - first.least
          }.max()
          guard let most, index < unknown.bounds.count else { continue }
          if unknown.bounds[index].map({ $0 < most }) ?? true {
            fault("violation \(index) is bounded by \(unknown.bounds[index] ?? -1), but reaches \(most)")
          }
        }
      }
    }
  }

  static func options(_ stages: Set<Stage>, timeout: Double = 20) -> VerificationOptions {
    var options = VerificationOptions()
    options.timeout = timeout
    options.stages = stages
    return options
  }

  static let programs = 10_000

  /// Which stages run besides all of them.
  static let subsets: [(name: String, stages: Set<Stage>)] = [
    ("intervals", [.intervals]),
    ("lagrangian", [.intervals, .lagrangian]),
    ("linear program", [.intervals, .lagrangian, .linearProgram]),
    ("linear program alone", [.linearProgram]),
    ("splitting alone", [.branchAndBound]),
    ("no attack", [.intervals, .lagrangian, .linearProgram, .branchAndBound]),
    ("no attack, no linear program", [.intervals, .lagrangian, .branchAndBound]),
  ]

  @Test func verdictsOnTenThousandProgramsAreThoseOfEnumeration() {
    let tallies = inParallel(Self.programs) { index -> (all: Tally, some: Tally) in
      let instance = Instance(seed: UInt64(index))
      var random = SeededGenerator(seed: UInt64(index) ^ 0xABCD)
      let property = instance.property(&random)
      var (all, some) = (Tally(), Tally())
      guard let verifier = try? Verifier(instance.program), let checker = try? CertificateChecker(instance.program)
      else {
        all.faults.append("seed \(index): refused")
        return (all, some)
      }
      all.add(
        verifier.verify(property, options: Self.options(Set(Stage.allCases))), of: property, instance, checker: checker,
        "all stages")
      let subset = Self.subsets[index % Self.subsets.count]
      some.add(
        verifier.verify(property, options: Self.options(subset.stages)), of: property, instance, checker: checker,
        subset.name)
      return (all, some)
    }
    let all = Tally(tallies.map(\.all))
    print(
      "\(Self.programs) programs, all stages: \(all.proved) proved, \(all.violated) violated, \(all.unknown) unknown,",
      "\(all.nodes) nodes;", Stage.allCases.map { "\($0.rawValue) \(all.stages[$0] ?? 0)" }.joined(separator: ", "))
    for (index, subset) in Self.subsets.enumerated() {
      let part = Tally(stride(from: index, to: Self.programs, by: Self.subsets.count).map { tallies[$0].some })
      print("\(subset.name): \(part.proved) proved, \(part.violated) violated, \(part.unknown) unknown")
      #expect(part.faults.isEmpty, "\(part.faults.prefix(10))")
      // Without the attack nothing can be refuted.
      if !subset.stages.contains(.attack) { #expect(part.violated == 0) }
      #expect(part.proved > 0)
    }
    #expect(all.faults.isEmpty, "\(all.faults.count): \(all.faults.prefix(20))")
    #expect(all.unknown == 0, "\(all.reasons.prefix(20))")
    // The programs ask something of both kinds.
    #expect(all.proved > Self.programs / 5 && all.violated > Self.programs / 5)
  }

  @Test func searchSolverAndEnumerationAgree() {
    let tallies = inParallel(300) { index -> Tally in
      let instance = Instance(seed: 1_000_000 + UInt64(index), largest: 300)
      var random = SeededGenerator(seed: UInt64(index))
      let property = instance.property(&random)
      let truth = instance.counterexample(to: property)
      var tally = Tally()
      guard let query = try? BitVectorQuery(instance.program, property) else {
        tally.unknown = 1
        return tally
      }
      switch query.solve(timeout: 10) {
      case .unsatisfiable:
        tally.proved = 1
        if let truth { tally.faults.append("seed \(instance.seed): unsatisfiable, but \(truth) violates it") }
      case .satisfiable(let point):
        tally.violated = 1
        let place = instance.points.firstIndex(of: point)
        if place.flatMap({ property.violation(inputs: point, outputs: instance.outputs[$0]) }) == nil {
          tally.faults.append("seed \(instance.seed): \(point) is said to violate it")
        }
      case .unknown: tally.unknown = 1
      }
      guard let verifier = try? Verifier(instance.program) else { return tally }
      let result = verifier.verify(property)
      switch (result.verdict, truth) {
      case (.proved, nil), (.violated, .some): break
      default: tally.faults.append("seed \(instance.seed): the search says \(result.verdict)")
      }
      return tally
    }
    let all = Tally(tallies)
    print("solver: \(all.proved) proved, \(all.violated) violated, \(all.unknown) undecided of \(tallies.count)")
    #expect(all.faults.isEmpty, "\(all.faults.prefix(10))")
    #expect(all.unknown <= tallies.count / 20)
    #expect(all.proved > 50 && all.violated > 50)
  }
}

extension Instance {
  var endsInSoftmax: Bool {
    program.steps.contains { if case .softmax = $0.operation { true } else { false } }
  }
}
