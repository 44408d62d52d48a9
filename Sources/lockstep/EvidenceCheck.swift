import ArgumentParser
import Certificates
import DifferentialTesting
import Importers
import IntegerProgram
import Properties
import Reporting
import Simulation

/// The independent check of what a verification left: certificates by the checker, counterexamples on the simulator.
struct EvidenceCheck: Sendable {
  /// What came of one piece of evidence.
  struct Finding: Sendable {
    enum Outcome: Sendable, Equatable {
      case accepted
      case rejected
      /// The file is missing, damaged or no evidence.
      case unreadable
      /// There was nothing to check, as for an unknown.
      case none
    }

    var name: String
    var outcome: Outcome
    /// What holds, or why it is not accepted.
    var text: String
    /// Input codes that were replayed on the simulator.
    var replayed: [Int32]?
  }

  /// A certificate of this size is no proof but an attack.
  private static let largestCertificate = 1 << 30

  let program: IntegerProgram
  let simulator: Simulator
  private let checker: CertificateChecker
  /// What was asked, by name; empty where the command does not say.
  private let asked: [String: VerificationQuery]
  private let askedDigests: Set<String>
  /// The folder that certificates of a report are in; nil where the report's paths hold.
  private let folder: String?

  init(_ simulator: Simulator, asked queries: [VerificationQuery], certificates folder: String?) throws {
    self.simulator = simulator
    self.folder = folder
    program = simulator.program
    checker = try CertificateChecker(program)
    asked = Dictionary(queries.map { ($0.id, $0) }) { first, _ in first }
    askedDigests = Set(try queries.map { try $0.property().digest })
  }

  /// A certificate's file. What is asked by options must be what it proves.
  func certificate(at path: String) throws -> Finding {
    var finding = Finding(name: path, outcome: .accepted, text: "")
    do {
      let certificate = try read(path)
      if !askedDigests.isEmpty, !askedDigests.contains(certificate.property.digest) {
        throw CertificateError("it is about another property than the options ask for")
      }
      try checker.check(certificate)
      finding.text = "proved \"\(certificate.property.statement.printable(120))\": \(certificate.property.summary)"
    } catch let error as CertificateError {
      finding.outcome = .rejected
      finding.text = error.reason
    }
    return finding
  }

  /// Throws `CertificateError` for a certificate of another program, `FileError` for what is no certificate.
  private func read(_ path: String) throws -> Certificate {
    let bytes = try InputFile.bytes(path: path, limit: Self.largestCertificate)
    do {
      return try Certificate(fileBytes: bytes, of: program)
    } catch {
      // The program's digest stands at the start, as text.
      let start = String(decoding: bytes.prefix(200), as: UTF8.self)
      if start.hasPrefix("lockstep certificate") && !start.contains(checker.digest) { throw error }
      throw FileError(path: path, reason: error.reason)
    }
  }

  /// Inputs in a file, each of which must violate one of the properties that are asked.
  func counterexamples(at path: String) throws -> [Finding] {
    guard !asked.isEmpty else {
      throw ValidationError("\(path.printable()) holds inputs; say by --property or --images what they violate.")
    }
    let value = program.values[program.inputs[0]]
    let inputs = try InputArray(NumPyArray(path: path), for: flat(value), path: path)
    let properties = try asked.values.sorted { $0.id < $1.id }.map { (name: $0.id, property: try $0.property()) }
    return (0..<inputs.count).map { index in
      let codes = inputs.codes(index)
      let name = inputs.count == 1 ? path : "\(path), vector \(index)"
      for (id, property) in properties {
        guard let found = simulator.counterexample(codes, to: property) else { continue }
        return Finding(
          name: name, outcome: .accepted,
          text: "violates \(id): \(property.violations[found.violation]); outputs \(text(found.outputs))",
          replayed: codes)
      }
      return Finding(name: name, outcome: .rejected, text: "is in no box, or meets no violation")
    }
  }

  /// All inputs of the network, one after another.
  private func flat(_ value: Value) -> Value {
    guard program.inputs.count > 1 else { return value }
    var flat = value
    flat.shape = [program.inputElements.count]
    return flat
  }

  /// A line of a report.
  func record(_ record: VerificationRecord) throws -> Finding {
    var finding = Finding(name: record.query, outcome: .accepted, text: "")
    func reject(_ text: String) -> Finding {
      (finding.outcome, finding.text) = (.rejected, text)
      return finding
    }
    guard record.program == checker.digest else {
      return reject("it is about the program \(record.program.printable(64)), not \(checker.digest)")
    }
    let property = try asked[record.query]?.property()
    if let property, property.digest != record.property {
      return reject("it is about another property than the options ask for")
    }
    switch record.verdict {
    case .unknown where record.range == nil, .misclassified:
      (finding.outcome, finding.text) = (.none, record.verdict.rawValue)
      return finding
    case .violated:
      guard let inputs = record.counterexample?.compactMap({ Int32(exactly: $0) }),
        inputs.count == program.inputElements.count, let outputs = record.outputs
      else { return reject("its counterexample is missing or of another size") }
      return violated(record, inputs, outputs, property)
    case .proved, .unknown:
      if let trusted = record.trusted {
        (finding.outcome, finding.text) = (.none, "no certificate: the word of \(trusted.printable(40))")
        return finding
      }
      guard !record.certificates.isEmpty || record.range != nil else {
        return reject("proved without a certificate: run verify with --certificates")
      }
      do {
        try proved(record)
      } catch let error as CertificateError {
        return reject(error.reason)
      }
      finding.text = "proved" + (record.range.map { ": in \($0.proved.lowerBound) … \($0.proved.upperBound)" } ?? "")
      return finding
    }
  }

  /// The certificates of a line prove its property: they are about its box, and exclude its violations together.
  private func proved(_ record: VerificationRecord) throws {
    let certificates = try record.certificates.map { path in
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return try read(folder.map { "\($0)/\(file)" } ?? path)
    }
    for certificate in certificates { try checker.check(certificate) }
    guard var property = certificates.first?.property else {
      // Both ends are those of the output's type.
      guard let element = record.output, let range = record.range?.proved,
        program.outputElements.indices.contains(element),
        program.outputElements[element].range == Int64(range.lowerBound)...Int64(range.upperBound)
      else { throw CertificateError("no certificate is named") }
      return
    }
    guard certificates.allSatisfy({ $0.property.box == property.box }) else {
      throw CertificateError("its certificates are about several boxes")
    }
    do {
      // The highest end stands first in a range's property, the lowest first in a line.
      property = try Property(
        box: property.box, violations: certificates.reversed().flatMap(\.property.violations), statement: "",
        of: program)
    } catch {
      throw CertificateError("\(error)")
    }
    guard property.digest == record.property else { throw CertificateError("its certificate proves another property") }
  }

  private func violated(
    _ record: VerificationRecord, _ inputs: [Int32], _ outputs: [Int], _ property: Property?
  ) -> Finding {
    var finding = Finding(name: record.query, outcome: .rejected, text: "", replayed: inputs)
    guard let found = try? simulator.run(program.inputs(flat: inputs)).flatMap({ $0 }) else {
      finding.text = "its input is outside the network's codes"
      return finding
    }
    guard found.map({ Int($0) }) == outputs else {
      finding.text = "the simulator returns \(text(found)), not \(text(outputs))"
      return finding
    }
    if let property {
      guard simulator.counterexample(inputs, to: property) != nil else {
        finding.text = "its input is outside the box, or meets no violation"
        return finding
      }
    } else if let label = record.label, Property.predictedClass(found) == label {
      finding.text = "its input has the class \(label) after all"
      return finding
    }
    finding.outcome = .accepted
    finding.text =
      "violated: outputs \(text(found))"
      + (property == nil ? " (give the options of verify to check the input's box as well)" : "")
    return finding
  }

  private func text(_ codes: [some BinaryInteger]) -> String {
    codes.prefix(16).map { "\($0)" }.joined(separator: ", ") + (codes.count > 16 ? ", …" : "")
  }
}
