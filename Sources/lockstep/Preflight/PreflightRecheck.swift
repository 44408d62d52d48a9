import ArgumentParser
import CodeGeneration
import Importers
import Reporting

/// Goes through a folder of evidence again. What can be made anew is made anew and compared; nothing is searched for.
///
/// The folder may be anyone's: nothing in it is run, and nothing outside it is read.
struct PreflightRecheck {
  private let command: PreflightCommand
  private let folder: EvidenceFolder
  private let interruption: Interruption

  /// Results have a line for each layer.
  private static let largestResults = 256 << 20
  private static let results = "results.json"

  init(_ command: PreflightCommand, folder: EvidenceFolder, interruption: Interruption) {
    self.command = command
    self.folder = folder
    self.interruption = interruption
  }

  func run() throws {
    let listed = try folder.listed()
    let digest = try folder.digest()
    var faults = try folder.differences(from: listed)
    if let given = command.digest, given.lowercased() != digest {
      faults.append("the manifest's digest is \(digest), not \(given.printable(64))")
    }
    try report("files", faults, held: "\(counted(listed.count, "file")), each as the manifest says")

    let path = "\(folder.path)/\(Self.results)"
    guard let results = PreflightResults(fileBytes: try InputFile.bytes(path: path, limit: Self.largestResults)) else {
      throw FileError(path: path, reason: "is no result of preflight that this version of Lockstep reads")
    }
    let asked = try PreflightCommand.recorded(results.arguments, in: path)
    print("asked:     " + results.arguments.joined(separator: " ").printable(4000))
    if results.version != Lockstep.version { print("made by Lockstep \(results.version); this is \(Lockstep.version)") }
    let target = try target(of: asked)
    if !command.withoutDevice { try expectDevice(of: target) }
    let isReproduced = try EvidenceFolder.inside(folder.path) { try again(results, asked, target, listed) }

    let headline = PreflightSummary(results: results, records: []).headline
    print("\n\(headline)" + (command.withoutDevice ? " (on the device as recorded)" : ""))
    print("program \(results.program)")
    if let image = results.image { print("image \(image.sha256)") }
    print("evidence \(digest)")
    try PreflightCommand.end(results.verdict)
    if !isReproduced {
      StandardError.write(
        command.withoutDevice
          ? "nothing was run on the device: what needs it is as recorded\n"
          : "the image did not come out of this compiler, so that it is not known to be that of the C\n")
      throw ExitCode.undecided
    }
  }

  /// A target of Lockstep's own may be looked up; any other says what programs are run, which evidence must not.
  private func target(of asked: PreflightCommand) throws -> Target {
    if let name = command.target { return try readTarget(name) }
    let recorded = asked.target ?? ""
    guard !recorded.contains("/") else {
      throw ValidationError(
        "The evidence is about the target of a folder of its own, \(recorded.printable()): name that folder by --target.")
    }
    return try readTarget(recorded, isTrusted: false)
  }

  /// The checks, in the folder. Whether the image came out the same; true where it is not asked for.
  private func again(
    _ recorded: PreflightResults, _ asked: PreflightCommand, _ target: Target,
    _ listed: [(name: String, digest: String)]
  ) throws -> Bool {
    let digests = Dictionary(listed.map { (Array($0.name.utf8), $0.digest) }) { first, _ in first }
    func recordedDigest(_ name: String) -> String? { digests[Array(name.utf8)] }
    let inputs = try InputCopies.paths(of: asked).map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 }
    for path in inputs where recordedDigest(path) == nil {
      throw FileError(path: path, reason: "is named by \(Self.results), and is no file of the evidence")
    }
    let model = asked.model.map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 } ?? ""
    let folder = model.lastIndex(of: "/").map { String(model[...$0]) } ?? ""
    let gate = try PreflightGate(asked.with(jobs: command.jobs), target, interruption)
    let siblings = gate.siblings.map { folder + $0 }
    for path in siblings where recordedDigest(path) == nil {
      throw FileError(path: path, reason: "holds a part of the model, and is no file of the evidence")
    }
    let withDevice = !command.withoutDevice
    let found = try gate.findings(
      arguments: recorded.arguments, answers: {}, withDevice: withDevice,
      said: { print("again:     " + PreflightSummary.line($0)) })
    func others(_ files: [(name: String, bytes: [UInt8])], _ what: String) -> [String] {
      files.filter { recordedDigest($0.name) != $0.bytes.sha256 }.map { "\($0.name): \(what)" }
    }

    // What is a matter of model, target and options.
    let code = found.files.filter { $0.name.hasPrefix("c/") }
    try report(
      "code", others(code, "is not what the model gives"),
      held: "the C is what \(recorded.model.path.printable()) gives, byte for byte")
    var again = found.results
    again.version = recorded.version
    let isSameCompiler = !withDevice || again.compiler.version == recorded.compiler.version
    again.compiler.version = recorded.compiler.version
    try report(
      "results", differences(again, recorded, isComplete: withDevice && isSameCompiler),
      held: withDevice && isSameCompiler ? "as recorded" : "as recorded, as far as this machine can tell")

    // The image, and what was measured of it.
    var measured = found.files.filter { !$0.name.hasPrefix("c/") }
    if withDevice && isSameCompiler {
      try report("image", others(measured, "comes out otherwise"), held: "image and profile come out of the C as they are")
    } else {
      if let image = recorded.image {
        let name = gate.imageName
        guard image.path.utf8.elementsEqual(name.utf8), recordedDigest(name) == image.sha256 else {
          return try fail("image", "\(image.path.printable()): is not the image, \(name.printable())")
        }
        let bytes = try InputFile.bytes(path: name, limit: Self.largestResults)
        try report(
          "image", bytes.contains(Array(recorded.program.utf8)) ? [] : ["\(name.printable()): is not tied to the program"],
          held: "holds the program's digest; not made again"
            + (withDevice ? ", since this compiler is another: \(again.compiler.version.printable())" : ""))
      }
      // Named, but only looked at.
      measured = recorded.image.map { _ in [(gate.imageName, [])] } ?? []
      if recorded.layers != nil {
        let picture = (name: "arena.svg", bytes: Array(gate.arenaPicture.utf8))
        try report("picture", others([picture], "is not that of the plan"), held: "is that of the plan")
        measured += [picture, ("profile.json", [])]
      }
    }

    // The readable files say what the results say.
    var documented = found
    documented.results = recorded
    documented.arena = recorded.layers == nil ? nil : gate.arenaPicture
    let documents = try gate.documents(of: documented)
    try report("summaries", others(documents, "does not say what \(Self.results) says"), held: "as the results say")

    // Nothing else is in the folder, and answers are written as they are written.
    let answers = try gate.answerFiles(of: found)
    var wrong = answers.compactMap { name, bytes -> String? in
      guard let digest = recordedDigest(name) else { return "\(name): is missing" }
      return bytes.map { $0.sha256 == digest ? nil : "\(name): is not as verify writes it" } ?? nil
    }
    let made: [String] = code.map(\.name) + measured.map(\.name) + documents.map(\.name) + answers.map(\.name)
    let expected = Set((inputs + siblings + made).map { Array($0.utf8) })
    wrong += listed.filter { !expected.contains(Array($0.name.utf8)) }.map { "\($0.name.printable()): is no part of evidence" }
    try report("contents", wrong, held: "every file has its place")
    return isSameCompiler && withDevice
  }

  private func fail(_ name: String, _ fault: String) throws -> Bool {
    try report(name, [fault], held: "")
    return false
  }

  /// What of the results does not come out again. Where they are not `complete`, what takes the device or depends on the
  /// compiler's version is left out.
  private func differences(
    _ again: PreflightResults, _ recorded: PreflightResults, isComplete: Bool
  ) -> [String] {
    var faults: [String] = []
    func compare<Part: Equatable>(_ name: String, _ part: KeyPath<PreflightResults, Part>) {
      if again[keyPath: part] != recorded[keyPath: part] { faults.append("\(name): is another") }
    }
    compare("network", \.network)
    compare("model", \.model)
    compare("program", \.program)
    compare("device", \.device)
    compare("compiler", \.compiler)
    if isComplete {
      compare("image", \.image)
      compare("memory", \.memory)
      compare("inference", \.inference)
      compare("layers", \.layers)
    }
    guard recorded.checks.map(\.name) == PreflightGate.checks else { return faults + ["checks: are others"] }
    let (now, then) = (again.timeless.checks, recorded.timeless.checks)
    for check in now {
      guard let before = then.first(where: { $0.name == check.name }) else { continue }
      // What was not run then, for want of memory, may be now, without the device.
      if command.withoutDevice && before.outcome == .notRun { continue }
      let isSame =
        isComplete || !PreflightGate.deviceChecks.contains(check.name)
        ? before == check : before.outcome == check.outcome
      if !isSame {
        faults.append("\(check.name): is \(check.outcome.rawValue), \(check.text); was \(before.outcome.rawValue), \(before.text)")
      }
    }
    if let failed = now.first(where: { $0.name == "certificates" && $0.outcome == .failed }) {
      faults.append("certificates: \(failed.text)")
    }
    return faults
  }

  /// Says what came of a comparison; throws where something differs.
  private func report(_ name: String, _ faults: [String], held: String) throws {
    let outcome: PreflightResults.Check.Outcome = faults.isEmpty ? .held : .failed
    print(
      PreflightSummary.line(
        .init(
          name: name, outcome: outcome, text: faults.isEmpty ? held : "the evidence does not hold",
          details: faults.map { $0.printable(400) })))
    if !faults.isEmpty { throw ExitCode.mismatch }
  }
}
