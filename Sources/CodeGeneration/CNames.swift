/// The identifiers of one generated network: all start with its prefix, so that several networks link into one image.
public struct CNames: Sendable {
  /// A C identifier in lower case.
  public let prefix: String
  /// The prefix of macros.
  public var macro: String { prefix.uppercased() }
  /// What a library of the network is called where libraries of all sorts stand side by side.
  public var library: String { "lockstep_\(prefix)" }

  /// Longer prefixes are refused, or made of a part of the file's name: library names end at 63 characters (Arduino), and
  /// identifiers should (C99 5.2.4.1).
  public static let longestPrefix = 40

  /// The names of a network whose file is called `name`, whole; characters that C does not allow become underscores. A
  /// name that is too long is cut, and ends with a digest of all of it, which keeps names apart that begin alike; so does
  /// one with letters beyond ASCII, of which nothing is left.
  public init(modelName name: String) {
    var identifier = Self.identifier(of: name)
    if identifier.utf8.count > Self.longestPrefix || !name.allSatisfy(\.isASCII) {
      let digest = String(SelfTest.hash(name.utf8.map { Int32($0) }, bytesPerCode: 1), radix: 16)
      identifier = identifier.prefix(Self.longestPrefix - 9) + "_" + String(repeating: "0", count: 8 - digest.count) + digest
      identifier.replace("__", with: "_")
    }
    prefix = Self.reserved.contains(identifier) ? identifier + "_net" : identifier
  }

  /// What to say of the prefix that a file's name gives where files of other names give the same; nil where none does.
  public static func notice(ofModel name: String) -> String? {
    let prefix = CNames(modelName: name).prefix
    guard prefix != name, name.allSatisfy(\.isASCII), identifier(of: name).utf8.count <= longestPrefix else { return nil }
    return "names in the C start with \(prefix); a file whose name differs from \"\(name)\" in case or signs alone would get "
      + "the same ones: --prefix gives others"
  }

  /// An identifier in lower case that reads like `name`.
  static func identifier(of name: String) -> String {
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
    while identifier.hasSuffix("_") { identifier.removeLast() }
    if identifier.isEmpty || identifier.first?.isNumber == true { return identifier.isEmpty ? "net" : "net_" + identifier }
    return identifier
  }

  /// The names under a prefix of the user's; nil where it is no C identifier fit for that.
  public init?(prefix: String) {
    guard let first = prefix.unicodeScalars.first, ("a"..."z").contains(first) || ("A"..."Z").contains(first),
      prefix.utf8.allSatisfy(Self.isPartOfName), !Self.reserved.contains(prefix.lowercased()), prefix.count <= Self.longestPrefix
    else { return nil }
    self.prefix = prefix
  }

  /// Whether a byte of C is part of an identifier (or of a number's digits).
  static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"):
      true
    default: false
    }
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
