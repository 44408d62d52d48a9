import CodeGeneration
import IntegerProgram
import Synchronization

/// Every known fault of a generator, tried on random networks: how many of its occasions the differential test catches.
public struct MutationCampaign: Sendable {
  public struct Verdict: Sendable {
    public var mutation: Mutation
    /// Networks that gave it an occasion, and those of them on which the test saw the difference.
    public var occasions = 0
    public var caught = 0
    /// The first difference seen.
    public var example = ""

    public var isCaught: Bool { caught > 0 }
    public var summary: String {
      occasions == 0 ? "no occasion" : "on \(caught) of \(occasions) networks" + (isCaught ? ", first: \(example)" : "")
    }
  }

  public let build: BuildConfiguration
  public init(build: BuildConfiguration) { self.build = build }

  public func run(
    count: Int, firstSeed: UInt64, jobs: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> [Verdict] {
    let verdicts = Mutex(Mutation.allCases.map { Verdict(mutation: $0) })
    let fault = Mutex<(any Error)?>(nil)
    let done = Mutex(0)
    // A change that cannot show (a saturation that never acts) is no fault, so a mutant need not be caught everywhere;
    // a few catches are enough, and then it is left alone.
    let enough = 3
    concurrently(count, jobs: jobs) { index in
      let seed = firstSeed &+ UInt64(index)
      if let program = try? IntegerProgram(lowering: RandomNetwork.makeOfAnyKind(seed: seed)) {
        for (position, mutation) in Mutation.allCases.enumerated() {
          guard verdicts.withLock({ $0[position].caught < enough }), let mutant = mutation.apply(to: program) else {
            continue
          }
          do {
            let report = try DifferentialTest(program, generating: mutant.program, plan: mutant.plan)
              .run(TestVectors.random(for: program, count: 12, seed: seed), builds: [build])
            verdicts.withLock { verdicts in
              verdicts[position].occasions += 1
              if let problem = report.problems.first {
                if verdicts[position].caught == 0 {
                  verdicts[position].example = String(problem.prefix { $0 != "\n" }.prefix(160))
                }
                verdicts[position].caught += 1
              }
            }
          } catch {
            fault.withLock { $0 = error }
          }
        }
      }
      progress(
        done.withLock { done in
          done += 1
          return done
        })
    }
    if let error = fault.withLock({ $0 }) { throw error }
    return verdicts.withLock { $0 }
  }
}
