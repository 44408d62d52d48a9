import Foundation

/// The small functions that generated code shares. Each holds one thing that C leaves to the compiler or MISRA C frowns
/// upon, so that it stands in one place.
enum CHelpers {
  /// The definitions that `code` calls, in order.
  static func definitions(prefix: String, calledBy code: String) -> [CText] {
    let code = withoutComments(code)
    var texts: [CText] = []
    func add(_ name: String, _ comment: String, _ head: String, _ lines: [String]) {
      guard code.contains("\(prefix)_\(name)(") else { return }
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
    add(
      "copy", "Copies codes.", "void \(prefix)_copy(int8_t *to, const int8_t *from, int32_t count)",
      ["for (int32_t i = 0; i < count; i++) {", "  to[i] = from[i];", "}"])
    add(
      "fill", "Sets codes.", "void \(prefix)_fill(int8_t *to, int8_t code, int32_t count)",
      ["for (int32_t i = 0; i < count; i++) {", "  to[i] = code;", "}"])
    return texts
  }

  /// Comments quote names from the model, which may look like calls.
  private static func withoutComments(_ code: String) -> String {
    code.components(separatedBy: "/*").enumerated().map { index, part in
      guard index > 0, let end = part.range(of: "*/") else { return index > 0 ? "" : part }
      return String(part[end.upperBound...])
    }.joined()
  }
}
