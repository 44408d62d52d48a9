import ArgumentParser
import Foundation
import Importers
import Reporting
import Synchronization

/// `lockstep fuzz-import`, hidden: damages files thousands of times and shows that each ends in success or a
/// message.
struct FuzzImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuzz-import",
    abstract: "Damage network files in seeded ways, and check that none crashes the importer or hangs it.",
    discussion: """
      Each mutation is read, lowered, reported and, where small enough, simulated, in child processes that are limited \
      in memory and time. Exit status 0 where every one ends in success or in a message, else 1.
      """,
    shouldDisplay: false)

  @Argument(help: ArgumentHelp("Sound networks to damage.", valueName: "file"))
  var paths: [String]

  @Option(parsing: .unconditional, help: "The seed of the sequence of mutations.")
  var seed: UInt64 = 1

  @Option(parsing: .unconditional, help: "How many mutations to try.")
  var count = 10_000

  @Option(parsing: .unconditional, help: "The first mutation of the sequence to try.")
  var first = 0

  @Option(parsing: .unconditional, help: ArgumentHelp("Child processes to run at once.", valueName: "n"))
  var jobs: Int?

  @Flag(help: "Print what each mutation is and what becomes of it, in this process.")
  var show = false

  @Flag(help: "List the kinds of messages that were given, and how often.")
  var reasons = false

  /// What the parent starts: tries the mutations in this process and writes a line for each.
  @Flag(help: .hidden)
  var inProcess = false

  func validate() throws {
    guard !paths.isEmpty, count > 0, first >= 0, (jobs ?? 1) > 0 else {
      throw ValidationError("Files, and positive numbers, are needed.")
    }
  }

  func run() throws {
    let files = try paths.map { path throws(FileError) in
      try InputFile.bytes(path: path, limit: ModelFile.largest)
    }
    let check = HostileCheck(files: files, seed: seed)
    if inProcess { return tryMutations(check) }
    if show {
      for index in first..<first + count {
        print(text(of: index, check), check.outcome(of: check.mutation(index)))
      }
      return
    }

    let results = try FuzzCampaign(paths: paths, seed: seed, mutations: first..<first + count).run(
      jobs: jobs ?? processorCount)
    print(
      "\(count.grouped) mutations of \(counted(paths.count, "file")), seed \(seed): \(results.accepted.grouped) accepted, "
        + "\(results.refused.grouped) refused with a message, \(results.crashed.count.grouped) crashed, "
        + "\(results.timedOut.count.grouped) timed out")
    for (kind, indices) in [("crashed", results.crashed), ("timed out", results.timedOut)] {
      for index in indices.sorted().prefix(20) {
        print("  \(kind): \(text(of: index, check))")
      }
    }
    if reasons {
      for (reason, count) in results.reasons.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
        print("  \(count) \(reason)")
      }
    }
    guard results.crashed.isEmpty, results.timedOut.isEmpty else { throw ExitCode.mismatch }
  }

  private func text(of index: Int, _ check: HostileCheck) -> String {
    let description = check.mutation(index).description
    return "mutation \(index) of \(paths[description.file]): \(description.text)"
  }

  private func tryMutations(_ check: HostileCheck) {
    FuzzLimits.memory()
    for index in first..<first + count {
      FuzzLimits.restartClock()
      switch check.outcome(of: check.mutation(index)) {
      case .accepted: FuzzCampaign.report("accepted")
      case .refused(let message):
        precondition(!message.isEmpty && message.utf8.count < 1 << 16, "a message that people can read")
        FuzzCampaign.report("refused: \(FuzzCampaign.kind(of: message))")
      }
    }
  }
}
