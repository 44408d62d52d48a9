/// What is wrong with a network, or asks for more than is supported, at one place.
public struct LayerIssue: Sendable, Hashable, CustomStringConvertible {
  /// The operation's place in the file; nil where the whole file is meant.
  public var index: Int?
  /// The operation's type in the file's format.
  public var type: String
  public var name: String
  public var reason: String
  /// What the user can do about it.
  public var remedy: String?

  public init(index: Int? = nil, type: String = "", name: String = "", reason: String, remedy: String? = nil) {
    self.index = index
    self.type = type
    self.name = name
    self.reason = reason
    self.remedy = remedy
  }

  public var description: String {
    var text = ""
    if let index {
      text = "layer \(index) \(type)"
      if !name.isEmpty { text += " \"\(name.printable())\"" }
      text += ": "
    }
    // Names and lists that the file holds may be of any length and content.
    text += reason.printable(500)
    if let remedy { text += "\n      → \(remedy)" }
    return text
  }
}

/// Everything wrong with a network, whole: one issue a layer at fault, so that a user mends all of them at once.
public struct NetworkError: Error, Sendable, CustomStringConvertible {
  public var issues: [LayerIssue]

  public init(_ issues: [LayerIssue]) { self.issues = issues }
  public init(_ reason: String) { issues = [LayerIssue(reason: reason)] }

  /// Beyond this many the rest is only counted: a hostile file may hold millions.
  private static let mostListed = 50

  public var description: String {
    if issues.count == 1, issues[0].index == nil { return issues[0].description }
    var lines = issues.prefix(Self.mostListed).map { "  \($0)" }
    if issues.count > Self.mostListed { lines.append("  … and \(issues.count - Self.mostListed) more") }
    return (["\(issues.count) \(issues.count == 1 ? "fault" : "faults"):"] + lines).joined(separator: "\n")
  }
}

extension String {
  /// The text with control characters replaced, those that turn the direction of writing among them, and its length
  /// bounded, fit for a terminal or a C comment.
  public func printable(_ longest: Int = 200) -> String {
    let text = String(
      unicodeScalars.prefix(longest).map { scalar in
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: "?"
        default: Character(scalar)
        }
      })
    return text.unicodeScalars.count < unicodeScalars.count ? text + "…" : text
  }
}
