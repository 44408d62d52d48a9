/// The identifiers of one generated network: all start with its prefix, so that several networks link into one image.
public struct CNames: Sendable {
  /// A C identifier in lower case.
  public let prefix: String
  /// The prefix of macros.
  public var macro: String { prefix.uppercased() }
  /// What a library of the network is called where libraries of all sorts stand side by side.
  public var library: String { "lockstep_\(prefix)" }

  /// The names of a network whose file is called `name`; characters that C does not allow become underscores.
  public init(modelName name: String) {
    var identifier = ""
    for scalar in name.unicodeScalars {
      let allowed = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      if allowed {
        identifier.unicodeScalars.append(scalar)
      } else if !identifier.hasSuffix("_") {
        identifier += "_"
      }
    }
    identifier = String(identifier.lowercased().drop { $0 == "_" })
    if identifier.isEmpty || identifier.first?.isNumber == true { identifier = "net_" + identifier }
    // C99 promises 31 significant characters of an external name; the longest that is added is _multiplier_999.
    identifier = String(identifier.prefix(16))
    while identifier.hasSuffix("_") { identifier.removeLast() }
    prefix = Self.reserved.contains(identifier) ? identifier + "_net" : identifier
  }

  /// The names under a prefix of the user's; nil where it is no C identifier fit for that.
  public init?(prefix: String) {
    let scalars = prefix.unicodeScalars
    guard let first = scalars.first, ("a"..."z").contains(first) || ("A"..."Z").contains(first),
      scalars.allSatisfy({
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_"
      }), !Self.reserved.contains(prefix.lowercased()), prefix.count <= 40
    else { return nil }
    self.prefix = prefix
  }

  /// Words that, alone, are not a network's to use: keywords of C and C++, and the names of system headers, which a file
  /// of the same name would hide (also where a file system takes capitals for small letters, as in Arduino.h).
  private static let reserved: Set<String> = [
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof",
    "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "main", "errno", "std",
    "str", "mem", "wcs", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "class",
    "new", "delete", "this", "namespace", "template", "operator", "assert", "complex", "ctype", "fenv", "inttypes",
    "iso646", "limits", "locale", "math", "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef",
    "stdint", "stdio", "stdlib", "stdnoreturn", "string", "strings", "tgmath", "threads", "time", "uchar", "unistd",
    "wchar", "wctype", "memory", "pthread", "sched", "semaphore", "poll", "fcntl", "dirent", "malloc", "alloca",
    "arduino",
  ]
}
