import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Makes the first interrupt (Ctrl-C), hang-up or request to terminate a wish to stop soon; the second ends the process.
final class Interruption: Sendable {
  private let received = Atomic<Int32>(0)
  /// They go on as long as this lives.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  init() {
    // Under nohup, hanging up stays without effect.
    let previous = signal(SIGHUP, SIG_IGN)
    let isIgnored = unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    let numbers = [SIGINT, SIGTERM] + (isIgnored ? [] : [SIGHUP])
    sources = numbers.map { DispatchSource.makeSignalSource(signal: $0, queue: .global(qos: .userInteractive)) }
    for (number, source) in zip(numbers, sources) {
      signal(number, SIG_IGN)
      source.setEventHandler { [weak self] in
        self?.received.store(number, ordering: .relaxed)
        // Some send two at once.
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(1)) { signal(number, SIG_DFL) }
      }
      source.resume()
    }
  }

  /// The signal that came; nil before one does.
  var signalNumber: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}
