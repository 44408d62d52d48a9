import IntegerProgram
import Properties

/// Accepts a certificate where it proves its property of the program, by exact integer arithmetic alone. It knows nothing
/// of how a proof was found.
///
/// What has to be trusted: this module, the program's steps and their scalar arithmetic, and that the property says what
/// was meant.
public struct CertificateChecker: Sendable {
  public let bounded: BoundedProgram
  /// The program's digest.
  public let digest: String

  /// Prepares what all certificates of one program share.
  public init(_ program: IntegerProgram) throws(CertificateError) {
    self.init(try BoundedProgram(program))
  }

  public init(_ bounded: BoundedProgram) {
    self.bounded = bounded
    digest = bounded.program.digest
  }

  /// Returns where the certificate proves its property of the program; throws the reason where it does not, and once
  /// `isCancelled`, which is asked with every lemma and now and then among points, says true.
  public func check(
    _ certificate: Certificate, isCancelled: () -> Bool = { false }
  ) throws(CertificateError) {
    guard certificate.program == digest else {
      throw CertificateError("it is about the program \(certificate.program), not \(digest)")
    }
    do {
      try certificate.property.check(against: bounded.program)
    } catch {
      throw CertificateError("its property does not fit the program: \(error)")
    }
    let goals = bounded.goals(of: certificate.property)
    guard certificate.proofs.count == goals.count else {
      throw CertificateError("it has \(certificate.proofs.count) proofs for \(goals.count) goals")
    }
    var ranges = bounded.ranges(over: certificate.property.box)
    for node in certificate.shared {
      guard case .next = node.end else { throw CertificateError("a shared node ends otherwise than in the next one") }
      // It makes no cases and tries no points.
      var (open, points): ([Ranges], Int) = ([], 0)
      try check(node, of: Goal(constraints: []), &ranges, &open, &points, isCancelled)
    }
    var points = 0
    for (index, proof) in certificate.proofs.enumerated() {
      do {
        try check(proof, of: goals[index], over: ranges, &points, isCancelled)
      } catch {
        throw CertificateError("goal \(index): \(error.reason)")
      }
    }
  }

  /// Sets of inputs that wait for their nodes; more is no proof but an attack.
  private static let deepest = 1100
  private func check(
    _ proof: Proof, of goal: Goal, over ranges: Ranges, _ points: inout Int, _ isCancelled: () -> Bool
  ) throws(CertificateError) {
    var open = [ranges]
    for (index, node) in proof.nodes.enumerated() {
      guard var ranges = open.popLast() else { throw CertificateError("nodes follow the proof's end") }
      do {
        try check(node, of: goal, &ranges, &open, &points, isCancelled)
      } catch {
        throw CertificateError("node \(index): \(error.reason)")
      }
      guard open.count <= Self.deepest else { throw CertificateError("the proof is too deep") }
    }
    guard open.isEmpty else { throw CertificateError("\(open.count) cases are open") }
  }

  private func check(
    _ node: Proof.Node, of goal: Goal, _ ranges: inout Ranges, _ open: inout [Ranges], _ points: inout Int,
    _ isCancelled: () -> Bool
  ) throws(CertificateError) {
    func expectTime() throws(CertificateError) {
      if isCancelled() { throw CertificateError("there was no time to check it") }
    }
    try expectTime()
    bounded.settle(&ranges, for: goal)
    for lemma in node.lemmas {
      if ranges.isEmpty { break }
      // Each is a pass through the layers.
      try expectTime()
      try bounded.apply(lemma, goal, &ranges)
    }
    bounded.settle(&ranges, for: goal)
    switch node.end {
    case .empty:
      guard ranges.isEmpty else { throw CertificateError("its ranges are not empty") }
    case .contradiction(let multipliers):
      guard !ranges.isEmpty else { return }
      var source = GivenMultipliers(steps: multipliers.steps)
      let bound = try bounded.bound(
        of: try goal.combination(multipliers.constraints), over: ranges, multipliers: &source)
      guard bound.value < 0 else { throw CertificateError("its bound is \(bound.value), not below 0") }
    case .split(let variable, let at):
      try bounded.check(variable)
      var upper = ranges
      // Settling may have narrowed more than it did for the search: then a case is empty, or both are.
      if !ranges.isEmpty {
        bounded.narrow(&upper, variable, to: Int64(at) + 1...Int64.max)
        bounded.narrow(&ranges, variable, to: Int64.min...Int64(at))
      }
      open.append(upper)
      open.append(ranges)
    case .next:
      open.append(ranges)
    case .points:
      try checkPoints(goal, ranges, &points, expectTime)
    }
  }

  /// Follows every input of the ranges through the program.
  private func checkPoints(
    _ goal: Goal, _ ranges: Ranges, _ points: inout Int, _ expectTime: () throws(CertificateError) -> Void
  ) throws(CertificateError) {
    guard !ranges.isEmpty else { return }
    guard let count = bounded.pointCount(of: ranges), points + count <= bounded.mostPoints else {
      throw CertificateError("it tries more than \(bounded.mostPoints) points")
    }
    points += count
    var tried = 0
    try bounded.forEachPoint(of: bounded.box(of: ranges)) { point throws(CertificateError) in
      if tried % 64 == 63 { try expectTime() }
      tried += 1
      if bounded.isMet(goal, at: point) { throw CertificateError("the input \(point.prefix(8))… meets the goal") }
    }
  }
}

extension BoundedProgram {
  /// The most points that all proofs of a certificate together try: more, or more of a large network's, would let a small
  /// file keep the checker busy for hours.
  public var mostPoints: Int { min(1 << 20, Self.mostPointWork / max(1, program.work)) }
  /// Elementary operations, of which the checker does some hundred million a second.
  private static let mostPointWork = 1 << 36

  /// The box of inputs that ranges leave, flat as in a property.
  public func box(of ranges: Ranges) -> [ClosedRange<Int32>] {
    program.inputs.flatMap { input in zip(ranges.low[input], ranges.high[input]).map { $0...$1 } }
  }

  /// How many inputs ranges leave; nil above 2^31.
  public func pointCount(of ranges: Ranges) -> Int? {
    var count = 1
    for range in box(of: ranges) {
      count *= range.count
      if count > 1 << 31 { return nil }
    }
    return count
  }

  /// Calls `body` with every point of a box, the first element changing fastest.
  public func forEachPoint(
    of box: [ClosedRange<Int32>], _ body: ([Int32]) throws(CertificateError) -> Void
  ) throws(CertificateError) {
    var point = box.map(\.lowerBound)
    while true {
      try body(point)
      guard let element = point.indices.first(where: { point[$0] < box[$0].upperBound }) else { return }
      for earlier in 0..<element { point[earlier] = box[earlier].lowerBound }
      point[element] += 1
    }
  }
}
