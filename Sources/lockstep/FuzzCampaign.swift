import Foundation
import Synchronization

/// Mutations tried in child processes, so that a crash or a hang ends the child, is counted, and the next one
/// goes on.
struct FuzzCampaign: Sendable {
  let paths: [String]
  let seed: UInt64
  let mutations: Range<Int>

  struct Results: Sendable {
    var accepted = 0
    var refused = 0
    /// How often each kind of message was given.
    var reasons: [String: Int] = [:]
    /// Indices of mutations.
    var crashed: [Int] = []
    var timedOut: [Int] = []
  }

  /// Mutations that one child tries at most: what it leaks or corrupts ends with it.
  private static let batch = 500

  func run(jobs: Int) throws -> Results {
    let executable = try Self.executable()
    let batches = stride(from: mutations.lowerBound, to: mutations.upperBound, by: Self.batch).map {
      $0..<min($0 + Self.batch, mutations.upperBound)
    }
    let progress = Progress("trying mutations:", total: mutations.count)
    let shared = Mutex((next: 0, done: 0, results: Results(), failure: nil as (any Error)?))
    DispatchQueue.concurrentPerform(iterations: min(jobs, batches.count)) { _ in
      while true {
        let batch = shared.withLock { state -> Range<Int>? in
          guard state.failure == nil, state.next < batches.count else { return nil }
          defer { state.next += 1 }
          return batches[state.next]
        }
        guard let batch else { return }
        do {
          let results = try run(batch, executable: executable)
          shared.withLock { state in
            state.results.add(results)
            state.done += batch.count
            progress.report(state.done)
          }
        } catch {
          shared.withLock { $0.failure = error }
        }
      }
    }
    progress.end()
    return try shared.withLock { state in
      if let failure = state.failure { throw failure }
      return state.results
    }
  }

  /// Tries a batch in as many children as it takes: after a crash, another one starts behind the mutation
  /// that caused it.
  private func run(_ batch: Range<Int>, executable: URL) throws -> Results {
    var results = Results()
    var first = batch.lowerBound
    while first < batch.upperBound {
      let child = Process()
      child.executableURL = executable
      child.arguments =
        ["fuzz-import", "--in-process", "--seed", "\(seed)", "--first", "\(first)", "--count"]
        + ["\(batch.upperBound - first)", "--"] + paths
      let output = Pipe()
      child.standardOutput = output
      child.standardError = FileHandle.nullDevice
      try child.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      child.waitUntilExit()
      for line in text.split(separator: "\n") {
        if line == "accepted" {
          results.accepted += 1
        } else {
          results.refused += 1
          results.reasons[String(line), default: 0] += 1
        }
        first += 1
      }
      guard first < batch.upperBound else { break }
      if child.terminationReason == .uncaughtSignal
        && FuzzLimits.timeSignals.contains(child.terminationStatus)
      {
        results.timedOut.append(first)
      } else {
        results.crashed.append(first)
      }
      first += 1
    }
    return results
  }

  /// A message's first sentence without what it quotes and counts, so that messages of one kind are equal.
  static func kind(of message: String) -> String {
    let lines = message.split(separator: "\n")
    let line = lines.count > 1 && lines[0].hasSuffix(":") ? lines[1] : lines.first ?? ""
    let unquoted = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated().compactMap {
      $0.offset % 2 == 0 ? $0.element : nil
    }.joined(separator: "…")
    return String(
      unquoted.split { $0.isNumber || $0 == "-" || $0 == "," || $0 == "." }.joined(separator: "#").prefix(120)
    )
  }

  /// Writes a child's line at once: what stands in a buffer is lost in a crash.
  static func report(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  private static func executable() throws -> URL {
    guard let url = Bundle.main.executableURL else { throw CocoaError(.fileNoSuchFile) }
    return url
  }
}

extension FuzzCampaign.Results {
  mutating func add(_ other: Self) {
    accepted += other.accepted
    refused += other.refused
    reasons.merge(other.reasons, uniquingKeysWith: +)
    crashed += other.crashed
    timedOut += other.timedOut
  }
}

/// What a child may use before the system ends it.
enum FuzzLimits {
  private static let addressSpace: rlim_t = 4 << 30
  /// Of processor time: a busy machine must not pass for a hang. Waiting for nothing is cut short by the
  /// clock.
  private static let processorSeconds = 2
  private static let clockSeconds = 60

  /// The signals that end a process at its limit of time.
  static let timeSignals = [SIGPROF, SIGALRM]

  static func memory() {
    var limit = rlimit(rlim_cur: addressSpace, rlim_max: addressSpace)
    #if canImport(Glibc)
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    #else
      setrlimit(RLIMIT_AS, &limit)
    #endif
  }

  /// Gives what follows its time; then a signal ends the process.
  static func restartClock() {
    var limit = itimerval()
    limit.it_value.tv_sec = processorSeconds
    #if canImport(Glibc)
      setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &limit, nil)
    #else
      setitimer(ITIMER_PROF, &limit, nil)
    #endif
    alarm(UInt32(clockSeconds))
  }
}
