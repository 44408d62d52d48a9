import ArgumentParser
import CodeGeneration
import Importers
import Reporting

/// Goes through a folder of evidence again. What can be made anew is made anew and compared; nothing is searched for.
struct PreflightRecheck {
  private let command: PreflightCommand
  private let folder: EvidenceFolder
  private let interruption: Interruption

  /// Results have a line for each layer.
  private static let largestResults = 256 << 20

  init(_ command: PreflightCommand, folder: EvidenceFolder, interruption: Interruption) {
    self.command = command
    self.folder = folder
    self.interruption = interruption
  }

  func run() throws {
    let listed = try folder.listed()
    let digest = try folder.digest()
    var faults = try folder.differences()
    if let given = command.digest, given != digest { faults.append("the manifest's digest is \(digest), not \(given)") }
    try report("files", faults, held: "\(counted(listed.count, "file")), each as the manifest says")

    let path = "\(folder.path)/results.json"
    guard let results = PreflightResults(fileBytes: try InputFile.bytes(path: path, limit: Self.largestResults)) else {
      throw FileError(path: path, reason: "is no result of preflight that this version of Lockstep reads")
    }
    let target = try readTarget(try targetName(results))
    if !command.withoutDevice { try expectDevice(of: target) }
    try EvidenceFolder.inside(folder.path) { try again(results, target, listed) }

    let headline = PreflightSummary(results: results, records: []).headline
    print("\n\(headline)" + (command.withoutDevice ? " (on the device as recorded)" : ""))
    print("program \(results.program)")
    if let image = results.image { print("image \(image.sha256)") }
    print("evidence \(digest)")
    try PreflightCommand.end(results.verdict)
  }

  /// A target of Lockstep's own may be looked up; any other says what programs are run, which evidence must not.
  private func targetName(_ results: PreflightResults) throws -> String {
    if let target = command.target { return target }
    let recorded = try PreflightCommand.about(results.arguments).target ?? ""
    guard !recorded.contains("/") else {
      throw ValidationError(
        "The evidence is about the target \(results.device.target.printable()) of a folder of its own: name that folder by "
          + "--target.")
    }
    return recorded
  }

  /// The checks, in the folder.
  private func again(_ recorded: PreflightResults, _ target: Target, _ listed: [String: String]) throws {
    let asked = try PreflightCommand.about(recorded.arguments)
    for path in InputCopies.paths(of: asked) where listed[path.hasPrefix("./") ? String(path.dropFirst(2)) : path] == nil {
      throw FileError(path: path, reason: "is named by results.json, and is no file of the evidence")
    }
    let gate = try PreflightGate(asked.with(jobs: command.jobs), target, interruption)
    let found = try gate.findings(
      arguments: recorded.arguments, answers: {}, withDevice: !command.withoutDevice,
      said: { print("again:     " + PreflightSummary.line($0)) })

    func differs(_ name: String) throws -> Bool {
      guard let file = found.files.first(where: { $0.name == name }) else { return listed[name] != nil }
      return listed[name] != file.bytes.sha256
    }
    let code = found.files.map(\.name).filter { $0.hasPrefix("c/") }
    let stray = listed.keys.filter { $0.hasPrefix("c/") && !code.contains($0) }
    try report(
      "code", try code.filter(differs).map { "\($0): is not what the model gives" } + stray.map { "\($0): is not part of the code" },
      held: "the C is what \(recorded.model.path.printable()) gives, byte for byte")

    var again = found.results
    again.version = recorded.version
    let isSameCompiler = again.compiler == recorded.compiler
    if command.withoutDevice {
      try compareWithoutDevice(again, recorded)
    } else if isSameCompiler {
      try report(
        "image", try found.files.map(\.name).filter { !$0.hasPrefix("c/") }.filter(differs).map { "\($0): comes out otherwise" },
        held: "the image and its profile come out of the C as they are")
      try report("results", Self.differences(again.timeless, recorded.timeless), held: "as recorded")
    } else {
      print(
        "not again: the image, since this compiler is another: \(again.compiler.version.printable()), and was "
          + recorded.compiler.version.printable())
      try compareOutcomes(again, recorded)
    }

    // The readable files say what the results say.
    var documented = found
    documented.results = recorded
    if command.withoutDevice { documented.arena = try arena(listed) }
    let wrong = try gate.documents(of: documented).filter { listed[$0.name] != $0.bytes.sha256 }
    try report("summaries", wrong.map { "\($0.name): does not say what results.json says" }, held: "as the results say")
  }

  private func arena(_ listed: [String: String]) throws -> String? {
    guard listed["arena.svg"] != nil else { return nil }
    return String(decoding: try InputFile.bytes(path: "arena.svg", limit: Self.largestResults), as: UTF8.self)
  }

  /// The outcomes of the checks that were done again.
  private func compareOutcomes(_ again: PreflightResults, _ recorded: PreflightResults) throws {
    let faults = again.checks.compactMap { check -> String? in
      let before = recorded.checks.first { $0.name == check.name }?.outcome
      // What was not run then, for want of memory, may be now, without the device.
      return before == check.outcome || before == .notRun && command.withoutDevice
        ? nil : "\(check.name): is \(check.outcome.rawValue), and was \(before?.rawValue ?? "left out")"
    }
    try report("results", faults, held: "the checks come out as recorded")
  }

  private func compareWithoutDevice(_ again: PreflightResults, _ recorded: PreflightResults) throws {
    try compareOutcomes(again, recorded)
    // Its image is only looked at.
    let faults = Self.differences(again.timeless, recorded.timeless).filter { ["model", "program"].contains($0) }
    try report("program", faults.map { "\($0): is another" }, held: recorded.program)
    guard let image = recorded.image else { return }
    let bytes = try InputFile.bytes(path: image.path, limit: Self.largestResults)
    let isTied = bytes.sha256 == image.sha256 && bytes.contains(Array(recorded.program.utf8))
    try report("image", isTied ? [] : ["\(image.path.printable()): is not tied to the program"], held: "holds the program's digest")
  }

  /// What of the results is not the same.
  private static func differences(_ again: PreflightResults, _ recorded: PreflightResults) -> [String] {
    var faults: [String] = []
    func compare<Part: Equatable>(_ name: String, _ part: KeyPath<PreflightResults, Part>) {
      if again[keyPath: part] != recorded[keyPath: part] { faults.append(name) }
    }
    compare("network", \.network)
    compare("model", \.model)
    compare("program", \.program)
    compare("device", \.device)
    compare("image", \.image)
    compare("memory", \.memory)
    compare("inference", \.inference)
    compare("layers", \.layers)
    compare("checks", \.checks)
    return faults
  }

  /// Says what came of a comparison; throws where something differs.
  private func report(_ name: String, _ faults: [String], held: String) throws {
    guard !faults.isEmpty else {
      print(PreflightSummary.line(.named(name, .init(.held, held))))
      return
    }
    print(PreflightSummary.line(.named(name, .init(.failed, "the evidence does not hold", details: faults))))
    throw ExitCode.mismatch
  }
}

extension PreflightResults.Check {
  fileprivate static func named(_ name: String, _ check: Self) -> Self {
    var check = check
    check.name = name
    return check
  }
}
