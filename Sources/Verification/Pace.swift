import Synchronization

/// How the time of one verification runs out. What looks at the clock now and then does so between passes through the
/// layers, each of which takes as long as it takes: in a large network, or on a busy machine, much of the time there is. So
/// none is begun that would, by the longest so far and half as much again, end late: on a busy machine no two take equally
/// long.
final class Pace: Sendable {
  private let clock = ContinuousClock()
  let deadline: ContinuousClock.Instant
  /// A proof that is found in time may be checked for a little longer.
  private let lastCheck: ContinuousClock.Instant
  private let isCancelled: @Sendable () -> Bool
  private let longest: Mutex<Duration>

  init(seconds: Double, isCancelled: @escaping @Sendable () -> Bool) {
    // No clock wraps.
    let seconds = min(seconds, TimedWork.forever)
    deadline = clock.now + .seconds(seconds)
    lastCheck = deadline + .seconds(seconds / 50)
    longest = Mutex(.zero)
    self.isCancelled = isCancelled
  }

  /// Whether nothing more is to be begun.
  var isOver: Bool { isCancelled() || clock.now + longest.withLock { $0 } * 1.5 > deadline }

  /// Whether even a proof that is there is no longer to be checked.
  var isLate: Bool { isCancelled() || clock.now + longest.withLock { $0 } > lastCheck }

  /// Wall-clock seconds until the deadline.
  var secondsLeft: Double { max(0, (deadline - clock.now) / .seconds(1)) }

  /// Takes the time of one pass.
  func pass<Result>(_ body: () -> Result) -> Result {
    let start = clock.now
    defer {
      let time = clock.now - start
      longest.withLock { $0 = max($0, time) }
    }
    return body()
  }
}
