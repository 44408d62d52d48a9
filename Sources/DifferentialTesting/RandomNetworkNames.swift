/// Names for tensors: mostly such as converters write, at times such as no C generator likes.
struct RandomNames {
  private var given: [String] = []

  /// The next tensor's name: hostile, empty, or one given before, now and then.
  mutating func next(using random: inout SeededGenerator) -> String {
    let name: String
    switch random.unit() {
    case ..<0.7: name = Self.usualName(number: given.count, using: &random)
    case ..<0.76 where !given.isEmpty: name = random.element(of: given)
    default: name = Self.hostileName(using: &random)
    }
    given.append(name)
    return name
  }

  /// The name of a network: that of its file without folder and extension, so without slashes and control
  /// characters.
  static func networkName(seed: UInt64, using random: inout SeededGenerator) -> String {
    guard random.chance(0.2) else { return "random_\(seed)" }
    let name = String(
      hostileName(using: &random).unicodeScalars
        .filter { $0.value >= 0x20 && $0.value != 0x7F && $0 != "/" }.prefix(60).map(Character.init))
    return name.isEmpty ? "random \(seed)" : name
  }

  private static func usualName(number: Int, using random: inout SeededGenerator) -> String {
    switch random.integer(in: 0...4) {
    case 0: "model/layer_\(number)/BiasAdd;model/layer_\(number)/Conv2D"
    case 1: "StatefulPartitionedCall:\(number)"
    case 2: "tfl.pseudo_qconst\(number)"
    case 3: "serving_default_input_\(number):0"
    default: "t\(number)"
    }
  }

  private static func hostileName(using random: inout SeededGenerator) -> String {
    switch random.integer(in: 0...9) {
    case 0:
      String(
        repeating: random.element(of: ["x", "long_name/", "é", "\\"]),
        count: random.element(of: [63, 500, 4000]))
    case 1: random.element(of: hostile) + random.element(of: hostile)
    case 2: usualName(number: 0, using: &random) + random.element(of: hostile)
    default: random.element(of: hostile)
    }
  }

  private static let hostile = [
    "", " ", "trailing space ", "a b\tc", "two\nlines", "carriage\rreturn", "nul\0inside", "bell\u{7}",
    "delete\u{7F}",
    // Ends of comments, strings and lines in C.
    "*/", "/*", "//", "*/ int broken; /*", "*??/\n/", "??/", "what??/", "back\\slash",
    "ends with a backslash\\", "\"", "\"quoted\"", "'", "%s%n%d", "#include <x.h>", "\\u0041", "\\\n",
    "/\\\n* ", ")", "{", "}", "a;b", "*",
    // Words that C, C++ or the generated code may know.
    "int", "float", "return", "static", "class", "new", "main", "NULL", "errno", "memcpy", "input", "output",
    "arena", "weights", "bias", "int8_t", "INT8_MAX", "_Bool", "__x", "_", "inline",
    // Names that differ only in what an identifier cannot hold.
    "a.b", "a-b", "a_b", "A_B", "0", "1x", "-1", "@", "=",
    // Beyond ASCII: composed and decomposed, right to left, invisible, outside the basic plane.
    "größe", "gro\u{308}\u{DF}e", "重み", "веса", "\u{202E}reversed", "\u{FEFF}bom", "zero\u{200B}width",
    "\u{2028}separator", "🦔", "\u{10FFFF}",
    // What paths, shells and HTML would make something of.
    "../../etc/passwd", "C:\\temp", "<script>", "&amp;", "$(true)", "`true`", "${x}",
  ]
}
