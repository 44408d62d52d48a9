import Dispatch
import SMT
import Synchronization

/// Work with a deadline that holds however busy the machine is. What works looks at the clock now and then, and mostly ends
/// in time by itself; where a processor is shared by many, the way from one look to the next takes long. Then it is left
/// behind, to notice and end in a thread of its own.
public enum TimedWork {
  /// Deep enough for what recurses over layers or terms.
  private static let stackSize = 64 << 20
  /// No limit that anyone waits for; a century in seconds.
  static let forever = 3e9

  /// How long a limit of so many seconds may be exceeded: by 3 percent, or a moment.
  public static func grace(_ seconds: Double) -> Double { max(0.03 * seconds, 0.02) }

  /// What `work` returns; nil where it does not end within `seconds` and their grace. It should end soon after that.
  public static func result<Result: Sendable>(
    within seconds: Double, _ work: @escaping @Sendable () -> Result
  ) -> Result? {
    guard seconds < forever else { return work() }
    let box = Box<Result>()
    let done = DispatchSemaphore(value: 0)
    LivingThreads.start(stack: stackSize) {
      let result = work()
      box.value.withLock { $0 = result }
      done.signal()
    }
    guard done.wait(timeout: .now() + (seconds + grace(seconds))) == .success else { return nil }
    return box.value.withLock { $0 }
  }

  private final class Box<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
  }
}
