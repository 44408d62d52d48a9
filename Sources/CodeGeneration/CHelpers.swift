/// The small functions that generated code shares. Each holds one thing that C leaves to the compiler or MISRA C frowns
/// upon, so that it stands in one place.
enum CHelpers {
  /// The definitions that `code` calls, in order.
  static func definitions(prefix: String, calledBy code: String) -> [CText] {
    let called = calledFunctions(code)
    var texts: [CText] = []
    func add(_ name: String, _ comment: String, _ head: String, _ lines: [String]) {
      guard called.contains("\(prefix)_\(name)") else { return }
      var text = CText()
      text.comment(comment)
      text.block("static \(head)") { $0.lines(lines) }
      texts.append(text)
    }
    for bits in ["32", "64"] {
      let type = "int\(bits)_t"
      add(
        "floor_shift_\(bits)", "x / 2^n, rounded down.", "\(type) \(prefix)_floor_shift_\(bits)(\(type) x, int32_t n)",
        ["return x >> n;"])
      add(
        "power_of_two_\(bits)", "2^n.", "\(type) \(prefix)_power_of_two_\(bits)(int32_t n)",
        ["const u\(type) power = (u\(type))1 << (uint32_t)n;", "return (\(type))power;"])
      add(
        "low_bits_\(bits)", "The bits of x under a mask of low bits.",
        "\(type) \(prefix)_low_bits_\(bits)(\(type) x, u\(type) mask)",
        ["const u\(type) low = (u\(type))x & mask;", "return (\(type))low;"])
    }
    for type in ["int8_t", "uint8_t", "int16_t", "uint16_t"] {
      let (copy, fill) = (copyName(of: type), fillName(of: type))
      add(
        copy, "Copies codes.", "void \(prefix)_\(copy)(\(type) *to, const \(type) *from, int32_t count)",
        ["for (int32_t i = 0; i < count; i++) {", "  to[i] = from[i];", "}"])
      add(
        fill, "Sets codes.", "void \(prefix)_\(fill)(\(type) *to, \(type) code, int32_t count)",
        ["for (int32_t i = 0; i < count; i++) {", "  to[i] = code;", "}"])
    }
    return texts
  }

  /// The helpers that copy and set codes of a C type.
  static func copyName(of type: String) -> String { "copy" + suffix(of: type) }
  static func fillName(of type: String) -> String { "fill" + suffix(of: type) }
  private static func suffix(of type: String) -> String { type == "int8_t" ? "" : "_\(type.dropLast(2))" }

  /// The names that an opening parenthesis follows. Comments quote names from the model, which may look like calls.
  private static func calledFunctions(_ code: String) -> Set<String> {
    var called: Set<String> = []
    var name: [UInt8] = []
    var isComment = false
    var last = UInt8(ascii: " ")
    for byte in code.utf8 {
      if isComment {
        isComment = !(last == UInt8(ascii: "*") && byte == UInt8(ascii: "/"))
      } else if CNames.isPartOfName(byte) {
        name.append(byte)
      } else {
        if byte == UInt8(ascii: "("), !name.isEmpty { called.insert(String(decoding: name, as: UTF8.self)) }
        name.removeAll(keepingCapacity: true)
        isComment = last == UInt8(ascii: "/") && byte == UInt8(ascii: "*")
        // The star of /*/ does not end what it begins.
        if isComment {
          last = UInt8(ascii: " ")
          continue
        }
      }
      last = byte
    }
    return called
  }
}
