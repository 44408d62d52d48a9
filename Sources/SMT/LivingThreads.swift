import Dispatch
import Foundation

/// Threads that nobody waits for any longer, but that have not ended.
package enum LivingThreads {
  private static let all: DispatchGroup = {
    // The process must not end under them.
    atexit { _ = LivingThreads.all.wait(timeout: .now() + 60) }
    return DispatchGroup()
  }()

  /// Starts a thread with `bytes` of stack.
  package static func start(stack bytes: Int, _ work: @escaping @Sendable () -> Void) {
    all.enter()
    let thread = Thread {
      work()
      all.leave()
    }
    thread.stackSize = bytes
    thread.start()
  }
}
