import FoundationEssentials

/// A line of a verification report: what was asked, and what came of it. The help of `verify` documents the fields.
public struct VerificationRecord: Sendable, Equatable {
  public enum Verdict: String, Sendable, Codable, CaseIterable {
    case proved, violated, misclassified, unknown
    /// The question says nothing of the network: it is decided whatever that computes, or is about one input alone.
    case vacuous
  }

  /// The ends of an output's range, in codes: the outermost that is proved, and the outermost that an input attains.
  public struct Range: Sendable, Equatable, Codable {
    public var proved, attained: ClosedRange<Int>

    public init(proved: ClosedRange<Int>, attained: ClosedRange<Int>) {
      self.proved = proved
      self.attained = attained
    }

    /// Proved where the two are the same.
    public var verdict: Verdict { proved == attained ? .proved : .unknown }
  }

  /// What the question is called, as "s12-e3": one line of a report for each.
  public var query: String
  public var sample, label: Int?
  /// As given, a decimal number.
  public var epsilon: String?
  /// The property's file.
  public var file: String?
  /// The output element whose range is asked.
  public var output: Int?
  public var verdict: Verdict
  /// What decided, or what came last.
  public var stage: String?
  public var seconds: Double
  /// File names in the folder of certificates.
  public var certificates: [String] = []
  /// Whose word it is, where there is no certificate.
  public var trusted: String?
  /// Input codes, and what the network returns for them.
  public var counterexample, outputs: [Int]?
  /// Why the question says nothing of the network, where it does not.
  public var vacuity: String?
  /// Where a label is right that is among so many of the largest outputs, or a single output is class 1 from a code on.
  public var topK, threshold: Int?
  /// The class of the outputs.
  public var outputClass: Int?
  /// The most that an input differs from the sample, in codes.
  public var distance: Int?
  public var range: Range?
  /// Input codes that lead to the lowest and to the highest code attained.
  public var attaining: [[Int]]?
  public var reason: String?
  /// For each violation the best proved bound of what is to stay below 0; nil where it is excluded.
  public var bounds: [Int?]?
  public var openFraction: Double?
  /// SHA-256 of the program and of the property.
  public var program, property: String

  public init(
    query: String, verdict: Verdict, seconds: Double, program: String, property: String
  ) {
    self.query = query
    self.verdict = verdict
    self.seconds = seconds
    self.program = program
    self.property = property
  }
}

extension VerificationRecord {
  /// The record as a line of JSON, without the line's end.
  public var line: String {
    var members: [(key: String, value: JSON)] = [("query", .string(query))]
    func add(_ key: String, _ value: JSON?) { if let value { members.append((key, value)) } }
    add("file", file.map { .string($0) })
    add("sample", sample.map { .integer($0) })
    add("label", label.map { .integer($0) })
    add("epsilon", epsilon.map { .decimal($0) })
    add("output", output.map { .integer($0) })
    add("top_k", topK.map { .integer($0) })
    add("threshold", threshold.map { .integer($0) })
    add("verdict", .string(verdict.rawValue))
    add("vacuous", vacuity.map { .string($0) })
    add("stage", stage.map { .string($0) })
    add("seconds", .seconds(seconds))
    if range != nil {
      add("certificates", .array(certificates.map { .string($0) }))
    } else if verdict == .proved {
      add("certificate", certificates.first.map { .string($0) } ?? .null)
    }
    add("trusted", trusted.map { .string($0) })
    add("counterexample", counterexample.map { .integers($0) })
    add("outputs", outputs.map { .integers($0) })
    add("class", outputClass.map { .integer($0) })
    add("distance", distance.map { .integer($0) })
    if let range {
      add("proved", .integers([range.proved.lowerBound, range.proved.upperBound]))
      add("attained", .integers([range.attained.lowerBound, range.attained.upperBound]))
    }
    add("attaining", attaining.map { .array($0.map { .integers($0) }) })
    add("reason", reason.map { .string($0) })
    add("bounds", bounds.map { .array($0.map { $0.map { .integer($0) } ?? .null }) })
    add("open", openFraction.map { .real(Float($0)) })
    add("program", .string(program))
    add("property", .string(property))
    return JSON.object(members).line
  }

  /// The record in a line of a report; nil where it is none.
  public init?(line: some Collection<UInt8>) {
    guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(line)) else { return nil }
    self.init(
      query: fields.query, verdict: fields.verdict, seconds: fields.seconds, program: fields.program,
      property: fields.property)
    sample = fields.sample
    label = fields.label
    epsilon = fields.epsilon.map { "\($0)" }
    file = fields.file
    output = fields.output
    stage = fields.stage
    certificates = fields.certificates ?? fields.certificate.map { [$0] } ?? []
    trusted = fields.trusted
    counterexample = fields.counterexample
    outputs = fields.outputs
    outputClass = fields.class
    distance = fields.distance
    if let proved = Self.range(fields.proved), let attained = Self.range(fields.attained) {
      range = Range(proved: proved, attained: attained)
    }
    attaining = fields.attaining
    reason = fields.reason
    bounds = fields.bounds
    openFraction = fields.open
    vacuity = fields.vacuous
    topK = fields.topK
    threshold = fields.threshold
  }

  private static func range(_ ends: [Int]?) -> ClosedRange<Int>? {
    guard let ends, ends.count == 2, ends[0] <= ends[1] else { return nil }
    return ends[0]...ends[1]
  }

  private struct Fields: Decodable {
    var query: String
    var sample, label, output: Int?
    var epsilon: Decimal?
    var file: String?
    var verdict: Verdict
    var stage: String?
    var seconds: Double
    var certificate: String?
    var certificates: [String]?
    var trusted: String?
    var counterexample, outputs: [Int]?
    var `class`, distance: Int?
    var proved, attained: [Int]?
    var attaining: [[Int]]?
    var reason: String?
    var bounds: [Int?]?
    var open: Double?
    var program, property: String
    var vacuous: String?
    var topK, threshold: Int?

    enum CodingKeys: String, CodingKey {
      case query, sample, label, output, epsilon, file, verdict, stage, seconds, certificate, certificates, trusted
      case counterexample, outputs, `class`, distance, proved, attained, attaining, reason, bounds, open, program, property
      case vacuous, threshold
      case topK = "top_k"
    }
  }
}
