import ArgumentParser
import Foundation
import Importers
import Synchronization

/// `lockstep fuzz-import`, hidden: damages files thousands of times and shows that each ends in success or a message.
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

  @Option(help: "The seed of the sequence of mutations.")
  var seed: UInt64 = 1

  @Option(help: "How many mutations to try.")
  var count = 10_000

  @Option(help: "The first mutation of the sequence to try.")
  var first = 0

  @Option(help: ArgumentHelp("Child processes to run at once.", valueName: "n"))
  var jobs: Int?

  @Option(help: ArgumentHelp("Write the first mutation to this file, and do nothing else.", valueName: "path"))
  var save: String?

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
    let files = try paths.map { path throws(FileError) in try InputFile.bytes(path: path, limit: ModelFile.largest) }
    if let save {
      let mutation = FileMutation(of: files, seed: seed, index: first)
      print("\(paths[mutation.file]): \(mutation.description)")
      return try OutputFiles.whole { try $0.add(mutation.bytes, at: save) }
    }
    if inProcess { return tryMutations(of: files) }

    let results = try FuzzCampaign(paths: paths, seed: seed, mutations: first..<first + count).run(
      jobs: jobs ?? processorCount)
    print(
      "\(count.grouped) mutations of \(counted(paths.count, "file")), seed \(seed): \(results.accepted.grouped) accepted, "
        + "\(results.refused.grouped) refused with a message, \(results.crashed.count.grouped) crashed, "
        + "\(results.timedOut.count.grouped) timed out")
    for (kind, indices) in [("crashed", results.crashed), ("timed out", results.timedOut)] {
      for index in indices.sorted().prefix(20) {
        let mutation = FileMutation(of: files, seed: seed, index: index)
        print("  \(kind): mutation \(index) of \(paths[mutation.file]): \(mutation.description)")
      }
    }
    if reasons {
      for (reason, count) in results.reasons.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
        print("  \(count) \(reason)")
      }
    }
    guard results.crashed.isEmpty, results.timedOut.isEmpty else { throw ExitCode.mismatch }
  }

  private func tryMutations(of files: [[UInt8]]) {
    FuzzLimits.memory()
    for index in first..<first + count {
      FuzzLimits.restartClock()
      switch HostileCheck.outcome(of: FileMutation(of: files, seed: seed, index: index).bytes) {
      case .accepted: FuzzCampaign.report("accepted")
      case .refused(let message):
        precondition(!message.isEmpty && message.utf8.count < 1 << 16, "a message that people can read")
        FuzzCampaign.report("refused: \(FuzzCampaign.kind(of: message))")
      }
    }
  }
}
