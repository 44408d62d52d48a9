import ArgumentParser

/// Seconds that a question may take, as options give them.
enum TimeLimit {
  /// Some thirty years, which no clock passes.
  private static let longest = 1e9

  static func expect(_ seconds: Double) throws {
    guard seconds > 0, seconds <= longest else {
      throw ValidationError("--timeout is \(seconds); give a number of seconds above 0, at most \(Int(longest)).")
    }
  }
}
