import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How far a command has come, in one line of stderr that is overwritten; nothing where stderr is no
/// terminal.
final class Progress: Sendable {
  private let action: String
  private let total: Int
  private let lastShown = Mutex<ContinuousClock.Instant?>(nil)

  /// As in "simulating 12 of 64".
  init(_ action: String, total: Int) {
    self.action = action
    self.total = total
  }

  /// Shows that `done` of all are done; at most some times a second, from any thread.
  func report(_ done: Int) { show("\(action) \(done) of \(total)") }

  /// Shows a line of the caller's own making, as often.
  func show(_ text: @autoclosure () -> String) {
    guard StandardError.isTerminal else { return }
    lastShown.withLock { last in
      let now = ContinuousClock.now
      if let last, now - last < .milliseconds(100) { return }
      last = now
      StandardError.write("\r\u{1B}[K\(text())")
    }
  }

  /// Leaves an empty line behind.
  func end() {
    if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
  }
}

/// The threads that the machine runs at once.
var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
