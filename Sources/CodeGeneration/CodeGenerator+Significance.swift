/// Where compilers that keep no more of a name than C99 asks for (5.2.4.1) would take two names for one.
extension CodeGenerator {
  /// The characters that count of a name that is linked, and of any other.
  private static let linkedCharacters = 31
  private static let characters = 63

  /// A warning, or nil where every name differs from every other in the characters that count.
  public var nameWarning: String? {
    let linked =
      own.tables.map(\.name) + ["run", "run_observed", "program_digest", "selftest"].map { "\(options.names.prefix)_\($0)" }
    for (names, count) in [(linked, Self.linkedCharacters), (longNames, Self.characters)] {
      guard let (one, other) = Self.clash(names, count) else { continue }
      return "compilers that keep to the \(count) characters that C99 promises of a name cannot tell \(one) from \(other) "
        + "(GCC, Clang and their kin keep all); --prefix gives shorter names"
    }
    return nil
  }

  /// A warning where another network's C would have a file of the same name as this one's, as `net_io.h` of the networks
  /// net and net_io; nil where no name is such.
  public var fileWarning: String? {
    let prefix = options.names.prefix
    for theirs in Self.codeEndings {
      for ours in Self.codeEndings where theirs.count > ours.count && theirs.hasSuffix(ours) {
        // File systems may take capitals for small letters.
        let more = theirs.dropLast(ours.count)
        guard prefix.lowercased().hasSuffix(more), prefix.count > more.count else { continue }
        let other = prefix.dropLast(more.count)
        return "\(prefix)\(ours) is also what a file of a network with the prefix \(other) is called: where both go into "
          + "one folder or on one include path, give this one another --prefix"
      }
    }
    return nil
  }

  /// Two different names that begin alike.
  private static func clash(_ names: [String], _ count: Int) -> (String, String)? {
    var known: [Substring: String] = [:]
    for name in names {
      if let other = known.updateValue(name, forKey: name.prefix(count)), other != name { return (other, name) }
    }
    return nil
  }

  /// The names in the code that have more characters than count within a file; words of comments are none.
  private var longNames: [String] {
    var names: Set<String> = []
    for text in [header(hasSelfTest: true, portable: nil), source(own, .alone)] {
      for word in text.utf8.split(whereSeparator: { !CNames.isPartOfName($0) }) where word.count > Self.characters {
        let name = String(decoding: word, as: UTF8.self)
        if name.hasPrefix(options.names.prefix) || name.hasPrefix(options.names.macro) { names.insert(name) }
      }
    }
    return names.sorted()
  }
}
