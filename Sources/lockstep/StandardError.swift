#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The stream for messages and progress; results go to stdout.
enum StandardError {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Writes `text` as it is, at once.
  static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { sendBytes(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      bytes = bytes.dropFirst(max(count, 0))
    }
  }
}

/// The system's `write`, out of reach of members of that name.
private let sendBytes = write

/// Writes a line to stderr.
func writeError(_ text: String) { StandardError.write(text + "\n") }

/// Tells what is left to a network's caller, or was cut off, beside results that are read as something else.
func writeNotices(_ notices: [String]) { for notice in notices { writeError("notice: \(notice)") } }
