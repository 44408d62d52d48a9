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
  /// What an importer could translate besides, results of layers at fault being inputs: who reads it finds more faults.
  public var rest: Network?

  public init(_ issues: [LayerIssue], rest: Network? = nil) {
    self.issues = issues
    self.rest = rest
  }
  public init(_ reason: String) { issues = [LayerIssue(reason: reason)] }

  /// With the faults that `read` finds in what was translated, in the file's order.
  public func joined(with read: (Network) throws -> Void) -> NetworkError {
    guard let rest else { return self }
    var all = issues
    do {
      try read(rest)
    } catch let more as NetworkError {
      all += more.issues.filter { $0.index != nil && !issues.contains($0) }
    } catch {}
    let order = all.indices.sorted { (all[$0].index ?? -1, $0) < (all[$1].index ?? -1, $1) }
    return NetworkError(order.map { all[$0] })
  }

  /// Beyond this many the rest is only counted: a hostile file may hold millions.
  private static let mostListed = 50
  /// The layers with one fault of one operator that are listed beside the first.
  private static let mostLikewise = 12

  public var description: String {
    if issues.count == 1, issues[0].index == nil { return issues[0].description }
    // Faults of one operator that differ in names and numbers only are one group, told by its first.
    var groups: [[LayerIssue]] = []
    var places: [String: Int] = [:]
    for issue in issues {
      let key = issue.index.map { _ in "\(issue.type)\n\(Self.kind(of: issue.reason))\n\(issue.remedy ?? "")" }
      if let key, let place = places[key] {
        groups[place].append(issue)
      } else {
        if let key { places[key] = groups.count }
        groups.append([issue])
      }
    }
    var lines = groups.prefix(Self.mostListed).map { group -> String in
      guard group.count > 1, let first = group.first else { return "  \(group[0])" }
      let others = group.dropFirst().prefix(Self.mostLikewise).map { issue in
        issue.name.isEmpty ? "\(issue.index ?? 0)" : "\(issue.index ?? 0) \"\(issue.name.printable(60))\""
      }.joined(separator: ", ")
      let more = group.count - 1 - Self.mostLikewise
      var told = first
      told.remedy = nil
      return "  \(told)\n      likewise \(group.count == 2 ? "layer" : "layers") \(others)"
        + (more > 0 ? " and \(more) more" : "") + (first.remedy.map { "\n      → \($0)" } ?? "")
    }
    let left = groups.dropFirst(Self.mostListed).reduce(0) { $0 + $1.count }
    if left > 0 { lines.append("  … and \(left) more") }
    return (["\(issues.count) \(issues.count == 1 ? "fault" : "faults"):"] + lines).joined(separator: "\n")
  }

  /// A reason without the names and numbers in it.
  private static func kind(of reason: String) -> String {
    var kind = ""
    var isQuoted = false
    for character in reason.prefix(500) {
      if character == "\"" { isQuoted.toggle() }
      if !isQuoted, !(character.isASCII && character.isNumber) { kind.append(character) }
    }
    return kind
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
