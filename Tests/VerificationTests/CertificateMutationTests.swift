import Certificates
import DifferentialTesting
import IntegerProgram
import Properties
import Simulation
import Testing
import Verification

/// Certificates that have been tampered with: what the checker accepts must be true all the same.
@Suite struct CertificateMutationTests {
  /// What some mutants came to.
  struct Count: Sendable {
    var certificates = 0
    var mutants = 0
    /// Those that claim what is not so, and those accepted (which are about something true).
    var claimFalse = 0
    var accepted = 0
    var faults: [String] = []
    init() {}
    init(_ counts: [Count]) {
      for count in counts {
        certificates += count.certificates
        mutants += count.mutants
        claimFalse += count.claimFalse
        accepted += count.accepted
        faults += count.faults
      }
    }
    var summary: String {
      "\(certificates) certificates, \(mutants) mutants, \(claimFalse) claimed something false; accepted: \(accepted), "
        + "of them false: \(faults.count)"
    }
  }

  /// What programs consist of.
  enum Kind: String, Sendable, CaseIterable {
    case narrow, wide, signals

    func instance(seed: UInt64, points: Int) -> Instance {
      switch self {
      case .narrow: Instance(seed: seed, largest: points)
      case .wide: Instance(seed: seed, largest: points, isWide: true)
      case .signals: Instance(signals: seed, largest: points)
      }
    }
  }

  /// A certificate of a random program's random property; nil where that does not hold.
  private static func certificate(
    seed: UInt64, points: Int, _ kind: Kind = .narrow
  ) -> (certificate: Certificate, instance: Instance, checker: CertificateChecker)? {
    let instance = kind.instance(seed: seed, points: points)
    var random = SeededGenerator(seed: seed)
    let property = instance.property(&random)
    guard instance.counterexample(to: property) == nil, let verifier = try? Verifier(instance.program) else {
      return nil
    }
    let subset = VerdictTests.subsets[2 + Int(seed % 5)]
    let result = verifier.verify(property, options: VerdictTests.options(subset.stages))
    guard case .proved(let certificate) = result.verdict, certificate.nodeCount <= 60 else { return nil }
    return (certificate, instance, verifier.checker)
  }

  /// Whether `property` holds, by trying every input, or a few thousand of them where there are more.
  private static func holds(_ property: Property, _ instance: Instance) -> Bool {
    let interpreter = ReferenceInterpreter(instance.program)
    func isMet(_ point: [Int32]) -> Bool {
      property.violation(inputs: point, outputs: Instance.outputs(interpreter, point)) != nil
    }
    if property.box == instance.box { return instance.counterexample(to: property) == nil }
    var count = 1.0
    for range in property.box { count *= Double(range.count) }
    if count <= 5000 { return !Instance.points(of: property.box).contains(where: isMet) }
    var random = SeededGenerator(seed: 1)
    return !(0..<2000).contains { _ in
      isMet(property.box.map { Int32(random.integer(in: Int($0.lowerBound)...Int($0.upperBound))) })
    }
  }

  private static func isAccepted(_ certificate: Certificate, _ checker: CertificateChecker) -> Bool {
    (try? checker.check(certificate)) != nil
  }

  @Test(arguments: Kind.allCases) func aPropertyChangedByOneIsRefusedWhereItIsFalse(_ kind: Kind) {
    let counts = inParallel(kind == .narrow ? 800 : 60) { index -> Count in
      var count = Count()
      guard let (certificate, instance, checker) = Self.certificate(seed: 6_000_000 + UInt64(index), points: 60, kind)
      else {
        return count
      }
      count.certificates = 1
      for property in certificate.property.mutants(of: instance.program) {
        count.mutants += 1
        let isTrue = Self.holds(property, instance)
        if !isTrue { count.claimFalse += 1 }
        let mutant = Certificate(
          program: certificate.program, property: property, shared: certificate.shared, proofs: certificate.proofs)
        guard Self.isAccepted(mutant, checker) else { continue }
        count.accepted += 1
        if !isTrue { count.faults.append("seed \(instance.seed): \(property.box) \(property.violations)") }
      }
      return count
    }
    let all = Count(counts)
    print("properties ±1, \(kind):", all.summary)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(5))")
    let (certificates, mutants) = kind == .narrow ? (200, 2000) : (10, 150)
    #expect(all.certificates > certificates && all.claimFalse > mutants)
  }

  @Test(arguments: Kind.allCases) func noProofOneStepAwayProvesAPropertyThatIsFalse(_ kind: Kind) {
    let counts = inParallel(kind == .narrow ? 500 : 40) { index -> Count in
      var count = Count()
      guard let (certificate, instance, checker) = Self.certificate(seed: 7_000_000 + UInt64(index), points: 60, kind)
      else {
        return count
      }
      count.certificates = 1
      var random = SeededGenerator(seed: UInt64(index))
      // Just as many violations, so that the proofs are about them.
      let untrue = random.shuffled(certificate.property.mutants(of: instance.program)).lazy.filter {
        $0.violations.count == certificate.proofs.count && !Self.holds($0, instance)
      }.prefix(3)
      for property in untrue {
        for lists in ([Proof(certificate.shared)] + certificate.proofs).mutants({ $0.mutants }) {
          count.mutants += 1
          count.claimFalse += 1
          let mutant = Certificate(
            program: certificate.program, property: property, shared: lists.first?.nodes ?? [],
            proofs: Array(lists.dropFirst()))
          guard Self.isAccepted(mutant, checker) else { continue }
          count.accepted += 1
          count.faults.append("seed \(instance.seed): \(property.box) \(property.violations)")
        }
      }
      return count
    }
    let all = Count(counts)
    print("proofs ±1 of false properties, \(kind):", all.summary)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(5))")
    #expect(all.claimFalse > (kind == .narrow ? 10_000 : 500))
  }

  @Test func aProofWithOpenCasesIsRefused() {
    let counts = inParallel(500) { index -> Count in
      var count = Count()
      guard let (certificate, instance, checker) = Self.certificate(seed: 8_000_000 + UInt64(index), points: 200) else {
        return count
      }
      count.certificates = 1
      func refuse(_ what: String, _ certificate: Certificate) {
        count.mutants += 1
        if Self.isAccepted(certificate, checker) { count.faults.append("seed \(instance.seed): \(what)") }
      }
      var other = certificate
      other.program = String(certificate.program.reversed())
      refuse("another program", other)
      for index in certificate.proofs.indices {
        var dropped = certificate
        dropped.proofs.remove(at: index)
        refuse("a proof dropped", dropped)
        var doubled = certificate
        doubled.proofs.append(doubled.proofs[index])
        refuse("a proof too many", doubled)
        for node in certificate.proofs[index].nodes.indices {
          var shorter = certificate
          shorter.proofs[index].nodes.removeSubrange(node...)
          refuse("a proof broken off", shorter)
          let end = certificate.proofs[index].nodes[node].end
          // Without its own end a case is open, unless a child can stand for it.
          if case .split = end {
            var halved = certificate
            halved.proofs[index].nodes[node].end = .empty
            refuse("a split said to be empty", halved)
          }
        }
        var longer = certificate
        longer.proofs[index].nodes.append(Proof.Node(end: .empty))
        refuse("a node too many", longer)
      }
      return count
    }
    let all = Count(counts)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(5))")
    #expect(all.mutants > 1000)
  }

  @Test func aNegativeMultipleOfAConstraintProvesNothing() throws {
    let instance = Instance(seed: 12_000_000, largest: 40)
    // Met everywhere, with room to spare: its negative is below 0.
    let least = (instance.outputs.map { $0[0] }.min() ?? 0) - 5
    let property = try Property(
      box: instance.box,
      violations: [Violation([LinearConstraint(outputs: [.init(0, 1)], atLeast: Int64(least))])], statement: "",
      of: instance.program)
    let checker = CertificateChecker(instance.bounded)
    for multiplier in [-1, -2, Int32.min] {
      let proof = Proof([Proof.Node(end: .contradiction(.init(constraints: [multiplier], steps: [:])))])
      #expect(throws: CertificateError.self) {
        try checker.check(Certificate(program: checker.digest, property: property, proofs: [proof]))
      }
    }
  }

  @Test(arguments: Kind.allCases) func aFileWithAByteChangedIsRefusedOrProvesSomethingTrue(_ kind: Kind) {
    let counts = inParallel(kind == .narrow ? 120 : 24) { index -> Count in
      var count = Count()
      guard let (certificate, instance, checker) = Self.certificate(seed: 9_000_000 + UInt64(index), points: 60, kind)
      else {
        return count
      }
      let bytes = certificate.fileBytes
      guard bytes.count < 1200 else { return count }
      count.certificates = 1
      for place in bytes.indices {
        for change in [1, 255, 2, 128] as [UInt8] {
          var changed = bytes
          changed[place] &+= change
          count.mutants += 1
          guard let mutant = try? Certificate(fileBytes: changed, of: instance.program) else { continue }
          let isTrue = Self.holds(mutant.property, instance)
          if !isTrue { count.claimFalse += 1 }
          guard Self.isAccepted(mutant, checker) else { continue }
          count.accepted += 1
          if !isTrue { count.faults.append("seed \(instance.seed), byte \(place)") }
        }
      }
      return count
    }
    let all = Count(counts)
    print("bytes, \(kind):", all.summary)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(5))")
    #expect(all.mutants > (kind == .narrow ? 20_000 : 4000))
  }

  @Test func damagedFilesAreRefusedWithoutHarm() throws {
    let counts = inParallel(60) { index -> Count in
      var count = Count()
      guard let (certificate, instance, checker) = Self.certificate(seed: 10_000_000 + UInt64(index), points: 200)
      else {
        return count
      }
      count.certificates = 1
      let bytes = certificate.fileBytes
      var random = SeededGenerator(seed: UInt64(index))
      func refuse(_ bytes: [UInt8]) {
        count.mutants += 1
        guard let mutant = try? Certificate(fileBytes: bytes, of: instance.program) else { return }
        let isTrue = Self.holds(mutant.property, instance)
        if !isTrue { count.claimFalse += 1 }
        guard Self.isAccepted(mutant, checker) else { return }
        count.accepted += 1
        if !isTrue { count.faults.append("seed \(instance.seed)") }
      }
      for length in 0..<bytes.count {
        count.mutants += 1
        if (try? Certificate(fileBytes: Array(bytes[..<length]), of: instance.program)) != nil {
          count.faults.append("seed \(instance.seed): read with \(length) of \(bytes.count) bytes")
        }
      }
      // Past the name of the format and the digest.
      let head = 23 + 65
      for _ in 0..<600 {
        var changed = bytes
        switch random.integer(in: 0...3) {
        case 0:
          for _ in 0..<random.integer(in: 1...8) {
            changed[random.integer(in: head...bytes.count - 1)] = UInt8(random.integer(in: 0...255))
          }
        case 1:
          // A huge number.
          let place = random.integer(in: head...bytes.count - 1)
          let size = random.integer(in: 1...10)
          changed.replaceSubrange(
            place...place, with: Array(repeating: 0xFF, count: size) + [UInt8(random.element(of: [0x00, 0x01, 0x7F]))])
        case 2:
          changed =
            Array(bytes[..<head]) + (0..<random.integer(in: 0...200)).map { _ in UInt8(random.integer(in: 0...255)) }
        default:
          let (a, b) = (random.integer(in: head...bytes.count - 1), random.integer(in: head...bytes.count - 1))
          changed.removeSubrange(min(a, b)..<max(a, b))
        }
        refuse(changed)
      }
      return count
    }
    let all = Count(counts)
    print("damaged files:", all.summary)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(5))")
    #expect(all.mutants > 10_000)
  }

  @Test func aProofOfExtremeNumbersIsRefusedWithoutHarm() {
    let extremes: [Int32] = [.min, .min + 1, -(1 << 30), (1 << 30) - 1, .max, 1 << 29]
    let counts = inParallel(400) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 11_000_000 + UInt64(index), largest: 40)
      var random = SeededGenerator(seed: UInt64(index))
      let property = instance.property(&random)
      // Nothing proves what is false.
      guard instance.counterexample(to: property) != nil else { return count }
      count.certificates = 1
      let checker = CertificateChecker(instance.bounded)
      let goals = instance.bounded.goals(of: property)
      for _ in 0..<60 {
        func number() -> Int32 {
          random.chance(0.6) ? random.element(of: extremes) : Int32(random.integer(in: -2000...2000))
        }
        func multipliers(_ goal: Goal) -> Proof.Multipliers {
          var steps: [Int: [Int32]] = [:]
          for step in instance.program.steps.indices where random.chance(0.5) {
            steps[step] = (0..<instance.bounded.multiplierCount(step: step)).map { _ in number() }
          }
          return Proof.Multipliers(
            constraints: goal.constraints.map { _ in random.element(of: [1, 1 << 20, 1 << 30, .max, 0]) }, steps: steps)
        }
        let ranges = instance.bounded.ranges(over: property.box)
        let proofs = goals.map { goal -> Proof in
          let lemmas = (0..<random.integer(in: 0...2)).map { _ -> Proof.Lemma in
            random.chance(0.5)
              ? .reducedCosts(multipliers(goal))
              : .bound(
                instance.variable(&random, in: ranges), isUpper: random.chance(0.5),
                scale: random.element(of: [1, 1 << 20, .max, 0, -1]), multipliers(goal))
          }
          return Proof([
            Proof.Node(lemmas: lemmas, end: .next), Proof.Node(end: .contradiction(multipliers(goal))),
          ])
        }
        count.mutants += 1
        count.claimFalse += 1
        guard
          Self.isAccepted(
            Certificate(program: checker.digest, property: property, proofs: proofs), checker)
        else { continue }
        count.accepted += 1
        count.faults.append("seed \(instance.seed)")
      }
      return count
    }
    let all = Count(counts)
    print("extreme numbers:", all.summary)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(5))")
    #expect(all.claimFalse > 5000)
  }
}
