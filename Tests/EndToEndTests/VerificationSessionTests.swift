import Importers
import IntegerProgram
import Properties
import Reporting
import Synchronization
import Testing
import Verification

@testable import lockstep

/// The logic of batches, with an engine that a test makes up.
@Suite struct VerificationSessionTests {
  private static let program = IntegerProgram(
    name: "p",
    values: [
      Value(name: "x", tensor: 0, shape: [4], type: .int8, scale: 1, zeroPoint: 0),
      Value(name: "y", tensor: 1, shape: [4], type: .int8, scale: 1, zeroPoint: 0),
    ],
    steps: [], inputs: [0], outputs: [1])

  /// Question `index` of a batch; the engine tells them apart by their labels and radii.
  private static func query(_ index: Int, radius: Int32 = 1) -> VerificationQuery {
    VerificationQuery(
      id: "s\(index)-e\(radius)", sample: index, label: index % 4, epsilon: "\(radius)",
      center: [Int32(index % 100), 0, 0, 0],
      property: {
        try Property.robustness(
          of: program, around: [Int32(index % 100), 0, 0, 0], radii: [radius, 0, 0, 0], label: index % 4, statement: "")
      })
  }

  private static let unknown = Decision(
    .unknown(Unknown(reason: "made up", bounds: [], openFraction: 1)), stage: .intervals, seconds: 0)

  /// By the sample's first code: 0, 3, 6, … proved, 1, 4, … violated, 2, 5, … unknown.
  private static func madeUp(_ property: Property) -> Decision {
    let center = property.box[0].lowerBound + 1
    return switch center % 3 {
    case 0: Decision(.proved(nil), stage: .intervals, seconds: 0.5)
    case 1:
      Decision(
        .violated(Counterexample(inputs: [center + 1, 0, 0, 0], outputs: [0, 0, 0, 0], violation: 0)), stage: .attack,
        seconds: 0.25)
    default: unknown
    }
  }

  private func openReport(_ path: String, resume: Bool) throws -> ReportFile {
    try ReportFile(path: path, resume: resume, programDigest: "digest") { $0.verdict != .unknown }
  }

  /// Runs a batch into a report; the run is interrupted once `limit` questions have been decided. Returns those that
  /// the engine was asked.
  private func run(
    _ queries: [VerificationQuery], _ path: String, resume: Bool, jobs: Int = 1, limit: Int = .max
  ) throws -> (asked: [String], answers: [VerificationRecord?]) {
    let report = try openReport(path, resume: resume)
    let asked = Mutex<[String]>([])
    let session = VerificationSession(
      Self.program, programDigest: "digest", known: report.known, isInterrupted: { asked.withLock { $0.count } >= limit },
      report: { try report.append($0) },
      decide: { property, _, _, _ in
        asked.withLock { $0.append(property.digest) }
        return Self.madeUp(property)
      })
    let answers = try session.answers(queries, jobs: jobs)
    return (asked.withLock { $0 }, answers)
  }

  private func lines(_ folder: TemporaryFolder) throws -> [VerificationRecord] {
    try ReportFile.records(folder.read("out.jsonl"), path: "out.jsonl").map(\.record)
  }

  @Test("a batch answers every question once, in order, on any number of threads", arguments: [1, 2, 7])
  func whole(jobs: Int) throws {
    let folder = try TemporaryFolder()
    let queries = (0..<40).map { Self.query($0) }
    let (asked, answers) = try run(queries, folder.path("out.jsonl"), resume: false, jobs: jobs)
    #expect(asked.count == 40 && Set(asked).count == 40)
    #expect(answers.map { $0?.query } == queries.map(\.id))
    #expect(Set(try lines(folder).map(\.query)) == Set(queries.map(\.id)))
    let violated = try #require(answers[1])
    #expect(violated.verdict == .violated && violated.distance == 1 && violated.counterexample == [2, 0, 0, 0])
    #expect(violated.outputClass == 0)
  }

  @Test(
    "an interrupted batch with a torn last line is resumed: nothing lost, nothing done twice",
    arguments: [1, 9, 10, 11, 39])
  func resumption(limit: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    let queries = (0..<40).map { Self.query($0) }
    let first = try run(queries, path, resume: false, limit: limit)
    #expect(first.asked.count == limit)
    // Cancelled answers are none: of the last question only a proof or a counterexample may stand in the report.
    let kept = try lines(folder)
    #expect(kept.count == limit || kept.count == limit - 1)

    var bytes = try folder.read("out.jsonl")
    bytes += Array(#"{"query":"s39-e1","sample":39,"verd"#.utf8)
    try folder.write(bytes, "out.jsonl")
    let second = try run(queries, path, resume: true)
    let finals = kept.filter { $0.verdict != .unknown }
    #expect(second.asked.count == 40 - finals.count)
    let all = try lines(folder)
    #expect(all.count == 40 && Set(all.map(\.query)).count == 40)
    #expect(second.answers.allSatisfy { $0 != nil })
    #expect(Array(all.prefix(finals.count)) == finals, "earlier answers stand as they were")
    #expect(try folder.names == ["out.jsonl"])
  }

  @Test("a resumed batch may ask more, and asks the unknown again alone where nothing else is new")
  func extension_() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    _ = try run((0..<6).map { Self.query($0) }, path, resume: false)
    #expect(try run((0..<6).map { Self.query($0) }, path, resume: true).asked.count == 2)
    #expect(try run((3..<9).map { Self.query($0) }, path, resume: true).asked.count == 1 + 3)
    #expect(Set(try lines(folder).map(\.query)).isSuperset(of: (3..<9).map { "s\($0)-e1" }))
  }

  @Test("a report is not overwritten, nor mixed with another network's or another property's")
  func mixing() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    _ = try run([Self.query(0)], path, resume: false)
    let before = try folder.read("out.jsonl")
    #expect { try openReport(path, resume: false) } throws: { "\($0)".contains("--resume") }
    #expect { try ReportFile(path: path, resume: true, programDigest: "other") { _ in true } } throws: {
      "\($0)".contains("line 1 is about another network")
    }
    var other = Self.query(0, radius: 2)
    other.id = "s0-e1"
    #expect { try run([other], path, resume: true) } throws: { "\($0)".contains("for another property") }
    #expect(try folder.read("out.jsonl") == before)
  }

  @Test("a damaged line in the middle is an error that names it")
  func damage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    _ = try run((0..<3).map { Self.query($0) }, path, resume: false)
    var bytes = try folder.read("out.jsonl")
    bytes[5] = UInt8(ascii: "\n")
    try folder.write(bytes, "out.jsonl")
    #expect { try openReport(path, resume: true) } throws: {
      "\($0)".contains("line 1 is no line of a verification report")
    }
  }

  @Test("a question that says nothing of the network is nobody's proof: neither the engine's nor an earlier report's")
  func vacuity() throws {
    let folder = try TemporaryFolder()
    var point = Self.query(0)
    point.property = {
      try Property.robustness(of: Self.program, around: [0, 0, 0, 0], radii: [0, 0, 0, 0], label: 0, statement: "")
    }
    var free = Self.query(3)
    free.property = { try Property(box: [0...1, 0...0, 0...0, 0...0], violations: [], statement: "", of: Self.program) }
    // The made-up engine proves the one input, whose box starts at 0, by its code − 1.
    let session = VerificationSession(
      Self.program, decide: { _, _, _, _ in Decision(.proved(nil), stage: .intervals, seconds: 0) })
    for (query, vacuity) in [(point, "one-point"), (free, "no-cases")] {
      let record = try #require(try session.answer(query, threads: 1))
      #expect(record.verdict == .vacuous && record.vacuity == vacuity && record.certificates.isEmpty)
      #expect(VerificationRecord(line: Array(record.line.utf8)) == record)
      #expect(record.line.contains("\"verdict\":\"vacuous\",\"vacuous\":\"\(vacuity)\""))
    }
    // A misclassified sample is told as that; a counterexample of one input is one.
    point.isMisclassified = true
    #expect(try session.answer(point, threads: 1)?.verdict == .misclassified)
    point.isMisclassified = false
    let violating = VerificationSession(
      Self.program,
      decide: { _, _, _, _ in
        Decision(
          .violated(Counterexample(inputs: [0, 0, 0, 0], outputs: [0, 1, 0, 0], violation: 0)), stage: .attack, seconds: 0)
      })
    #expect(try violating.answer(point, threads: 1)?.verdict == .violated)

    let report = try openReport(folder.path("out.jsonl"), resume: false)
    try report.append(
      VerificationRecord(
        query: free.id, verdict: .proved, seconds: 0, program: "digest", property: try free.property().digest))
    withExtendedLifetime(report) {}
    let known = try ReportFile.records(folder.read("out.jsonl"), path: "").map(\.record)
    let resumed = VerificationSession(
      Self.program, programDigest: "digest", known: [free.id: known[0]],
      decide: { _, _, _, _ in Decision(.proved(nil), stage: .intervals, seconds: 0) })
    #expect { try resumed.answer(free, threads: 1) } throws: { "\($0)".contains("says nothing of the network") }
  }

  @Test("two runs do not write one report")
  func exclusion() throws {
    let folder = try TemporaryFolder()
    let first = try openReport(folder.path("out.jsonl"), resume: false)
    #expect { try openReport(folder.path("out.jsonl"), resume: true) } throws: { "\($0)".contains("another run") }
    withExtendedLifetime(first) {}
  }

  @Test("a run that would go on with a report another run is writing leaves it where it is")
  func exclusionOfResumption() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    // The unknown among them are to be dropped and asked again.
    _ = try run((0..<6).map { Self.query($0) }, path, resume: false)
    let first = try openReport(path, resume: true)
    #expect { try openReport(path, resume: true) } throws: {
      ($0 as? FileError)?.reason.contains("another run") ?? false
    }
    let line = VerificationRecord(query: "s9-e1", verdict: .proved, seconds: 0, program: "digest", property: "p")
    try first.append(line)
    #expect(try lines(folder).last == line, "what the first run adds is in the report that stands there")
    #expect(try lines(folder).count == 5)
    #expect(try folder.names == ["out.jsonl"])
  }

  @Test("an error ends a batch, and what was answered before stands")
  func errors() throws {
    let folder = try TemporaryFolder()
    var queries = (0..<10).map { Self.query($0) }
    queries[4].property = { throw FileError(path: "x", reason: "made up") }
    #expect(throws: FileError.self) { try run(queries, folder.path("out.jsonl"), resume: false) }
    #expect(try lines(folder).count == 4)
  }

  @Test("the worst verdict counts; misclassified samples where they are allowed only where there is nothing else")
  func worst() {
    func worst(_ verdicts: [VerificationRecord.Verdict], _ allows: Bool) -> VerificationRecord.Verdict {
      VerificationSummary(
        records: verdicts.map { VerificationRecord(query: "", verdict: $0, seconds: 0, program: "", property: "") }
      ).worst(allowsMisclassified: allows)
    }
    for allows in [false, true] {
      #expect(worst([], allows) == .proved)
      #expect(worst([.misclassified, .misclassified], allows) == .violated)
      #expect(worst([.unknown, .violated, .proved], allows) == .violated)
      #expect(worst([.proved, .vacuous], allows) == .vacuous)
      #expect(worst([.vacuous, .unknown], allows) == .unknown)
    }
    #expect(worst([.proved, .misclassified], true) == .proved)
    #expect(worst([.proved, .unknown, .misclassified], true) == .unknown)
    #expect(worst([.proved, .unknown, .misclassified], false) == .violated)
  }
}

@Suite struct RadiusSearchTests {
  private func record(_ verdict: VerificationRecord.Verdict, distance: Int? = nil) -> VerificationRecord {
    var record = VerificationRecord(query: "", verdict: verdict, seconds: 0, program: "", property: "")
    record.distance = distance
    return record
  }

  @Test("the radius is found exactly wherever it is, in few questions, none of them twice", arguments: 1...40)
  func exact(limit: Int) {
    for radius in 0...limit {
      for nearby in [false, true] {
        var asked: [Int] = []
        let result = RadiusSearch(limit: limit).run { epsilon in
          asked.append(epsilon)
          // A counterexample may be nearer than it had to be.
          return epsilon <= radius ? record(.proved) : record(.violated, distance: nearby ? radius + 1 : epsilon)
        }
        #expect(result?.proved == radius)
        #expect(result?.refuted == (radius == limit ? nil : radius + 1))
        #expect(result?.isExact(limit: limit) == true)
        #expect(Set(asked).count == asked.count && asked.count <= 13)
      }
    }
  }

  @Test("what is unknown leaves a gap whose ends are as near as they can be")
  func gaps() throws {
    let limit = 30
    for proved in 0...limit {
      for refuted in proved + 1...limit + 1 {
        var asked: [Int] = []
        let found = RadiusSearch(limit: limit).run { epsilon in
          asked.append(epsilon)
          return epsilon <= proved ? record(.proved) : record(epsilon < refuted ? .unknown : .violated)
        }
        let result = try #require(found)
        #expect(result.proved == proved && result.refuted == (refuted > limit ? nil : refuted))
        #expect(Set(asked).count == asked.count)
      }
    }
  }

  @Test("where no element may move there is no radius, and a limit of 0 asks about nothing")
  func vacuous() {
    let found = RadiusSearch(limit: 9).run { _ in record(.vacuous) }
    #expect(found?.isVacuous == true && found?.isExact(limit: 9) == false)
    let alone = RadiusSearch(limit: 0).run { _ in nil }
    #expect(alone?.isVacuous == true && alone?.isExact(limit: 0) == false, "the sample alone")
  }

  @Test("an interruption ends the search without a result")
  func interruption() { #expect(RadiusSearch(limit: 9).run { $0 < 4 ? record(.proved) : nil } == nil) }
}

@Suite struct OutputRangeSearchTests {
  @Test("an attack's input and a trusted proof come back with the range")
  func evidence() throws {
    let search = OutputRangeSearch(
      program: program, box: [0...0, 0...0], element: 0, start: .init(code: 4, inputs: [4]))
    var isFirst = true
    let result = try search.run(
      attack: { property in
        defer { isFirst = false }
        return isFirst ? .init(code: -7, inputs: [-7]) : nil
      },
      { end, property in
        guard end == .highest else { return nil }
        var record = VerificationRecord(query: "", verdict: .proved, seconds: 0, program: "", property: "")
        record.trusted = "Z3"
        return record
      })
    #expect(result.range == .init(proved: -128...4, attained: -7...4))
    #expect(result.attaining == [[-7], [4]] && result.trusted == "Z3")
  }

  private let program = IntegerProgram(
    name: "p", values: [Value(name: "x", tensor: 0, shape: [2], type: .int8, scale: 1, zeroPoint: 0)], steps: [],
    inputs: [0], outputs: [0])

  @Test(
    "both ends are found exactly, by questions that hold or come with an output",
    arguments: [
      (-128, 127), (-128, -128), (127, 127), (-5, 9), (0, 1), (-128, 3), (77, 127),
    ])
  func exact(low: Int, high: Int) throws {
    for start in [low, high] {
      let search = OutputRangeSearch(
        program: program, box: [0...0, 0...0], element: 1, start: .init(code: start, inputs: [start]))
      var questions = 0
      let result = try search.run { end, property in
        questions += 1
        // A question about one end: met by the lowest or highest output, or by none.
        let extreme = end == .highest ? high : low
        let isMet = property.violation(inputs: [0, 0], outputs: [0, Int32(extreme)]) != nil
        var record = VerificationRecord(
          query: "", verdict: isMet ? .violated : .proved, seconds: 0, program: "", property: "")
        if isMet { (record.outputs, record.counterexample) = ([0, extreme], [extreme]) }
        return record
      }
      #expect(result.range == .init(proved: low...high, attained: low...high))
      #expect(result.attaining == [[low], [high]])
      #expect(questions <= 18)
    }
  }

  @Test("without proofs the range is the type's, and a bound of the search is tried")
  func unknown() throws {
    let search = OutputRangeSearch(
      program: program, box: [0...0, 0...0], element: 0, start: .init(code: 4, inputs: [4]))
    var tried: [String] = []
    let result = try search.run { end, property in
      guard end == .highest else { return nil }
      let most = Int(property.violations[0].constraints[0].least) - 1
      tried.append("\(most)")
      var record = VerificationRecord(
        query: "", verdict: most >= 100 ? .proved : .unknown, seconds: 0, program: "", property: "")
      // The search shows that the element is at most 100.
      if most < 100 { record.bounds = [100 - (most + 1)] }
      return record
    }
    #expect(result.range.proved == -128...100 && result.range.attained == 4...4)
    #expect(tried == ["65", "100"])
  }
}
