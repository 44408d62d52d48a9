import CodeGeneration
import Foundation
import IntegerProgram
import Network
import Synchronization

/// Random networks, each lowered, generated, built and compared with the simulator.
public struct RandomCampaign: Sendable {
  public struct Result: Sendable {
    public var tested = 0
    public var refused = 0
    /// Networks that the device has no room for.
    public var tooLarge = 0
    public var steps = 0
    /// Builds that ran.
    public var builds = 0
    public var bytes = 0
    /// How often each operation of the file format was part of a network.
    public var kinds: [String: Int] = [:]
    /// A line for each network that differs, starting with its seed.
    public var problems: [String] = []
  }

  public let builds: [BuildConfiguration]
  public let options: LoweringOptions
  /// Vectors a network runs on, and builds it is made in: by turns all of `builds` get used.
  public var vectors = 12
  public var buildsPerNetwork = 3

  /// What the builds are for; nil for this machine.
  private let target: Target?
  private let goal: KernelSelection.Goal
  private let weights: WeightStorage

  public init(builds: [BuildConfiguration], options: LoweringOptions = LoweringOptions()) {
    self.builds = builds
    self.options = options
    target = nil
    goal = .speed
    weights = .automatic
  }

  /// On the builds of `target`.
  public init(
    target: Target, goal: KernelSelection.Goal = .speed, weights: WeightStorage = .automatic,
    options: LoweringOptions = LoweringOptions()
  ) {
    self.weights = weights
    self.target = target
    self.goal = goal
    builds = BuildConfiguration.all(of: target)
    self.options = options
    // On a device the compiler is one, and starting an emulator takes its time.
    if target.device != nil { buildsPerNetwork = 1 }
  }

  /// Tests `count` networks with the seeds from `firstSeed` on. `progress` is told how many are done.
  public func run(
    count: Int, firstSeed: UInt64, jobs: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> Result {
    let state = Mutex(Result())
    let fault = Mutex<(any Error)?>(nil)
    let done = Mutex(0)
    concurrently(count, jobs: jobs) { index in
      let seed = firstSeed &+ UInt64(index)
      do {
        let network = RandomNetwork.makeOfAnyKind(seed: seed)
        guard let program = try? IntegerProgram(lowering: network, options: options) else {
          state.withLock { $0.refused += 1 }
          return
        }
        let chosen = (0..<min(buildsPerNetwork, builds.count)).map { builds[(index * buildsPerNetwork + $0) % builds.count] }
        let test = DifferentialTest(program, for: target, goal: goal, weights: weights)
        let report =
          try target.flatMap { test.shortfall(of: $0) } == nil
          ? test.run(TestVectors.random(for: program, count: vectors, seed: seed), builds: chosen) : nil
        state.withLock { state in
          guard let report, report.shortfall == nil else {
            state.tooLarge += 1
            return
          }
          state.tested += 1
          state.steps += program.steps.count
          state.builds += report.agreed
          state.bytes += report.comparedBytes
          for kind in Set(network.operations.map(\.typeName)) { state.kinds[kind, default: 0] += 1 }
          state.problems += report.problems.map { "seed \(seed): \($0)" }
        }
      } catch {
        fault.withLock { $0 = error }
      }
      let finished = done.withLock { done in
        done += 1
        return done
      }
      progress(finished)
    }
    if let error = fault.withLock({ $0 }) { throw error }
    return state.withLock { $0 }
  }
}

/// Calls `body` for 0 ..< count on `jobs` threads, each taking the next index when it is free.
package func concurrently(_ count: Int, jobs: Int, _ body: @Sendable (Int) -> Void) {
  let next = Mutex(0)
  DispatchQueue.concurrentPerform(iterations: min(jobs, count)) { _ in
    while true {
      let index = next.withLock { next in
        next += 1
        return next - 1
      }
      guard index < count else { return }
      body(index)
    }
  }
}
