/// Options that do not go together, or do not fit the files they are about: a command's usage is at fault, not a file.
public struct UsageError: Error, Sendable, Hashable, CustomStringConvertible {
  public var reason: String
  /// A whole sentence.
  public init(_ reason: String) { self.reason = reason }
  public var description: String { reason }
}
