import IntegerProgram

/// NAME_io.h: what a program has to do around a run, in floating point. It is a header of its own, so that the network's
/// code stays free of that.
extension CodeGenerator {
  func inputOutputHeader() -> String {
    let (name, macro) = (options.names.prefix, options.names.macro)
    var text = banner("\(name)_io.h: real values, classes and the model's names, around a run of \(name).h.")
    text.comment(
      "Use: include this file where you need it. Its functions are static and inline, and in floating point, of which the "
        + "network's own code has none.", "",
      "  " + inputs.map { "\(name)_set_\($0.name)(arena, values);" }.joined(separator: " ") + " with real values",
      "  if (\(name)_run(arena, \(macro)_ARENA_SIZE) == \(macro)_OK) { "
        + outputs.map { "\(name)_get_\($0.name)(arena, values);" }.joined(separator: " ") + " }")
    if !program.notices.isEmpty { text.line() }
    for notice in program.notices { text.comment("Notice: \(notice).") }
    text.line()
    text.line("#ifndef \(macro)_IO_H")
    text.line("#define \(macro)_IO_H")
    text.line()
    text.line("#include <float.h>")
    text.line("#include \"\(name).h\"")
    text.line()
    text.line("#ifdef __FAST_MATH__")
    text.line("#error \"\(name)_io.h gives the simulator's codes in exact floating point: compile without -ffast-math\"")
    text.line("#endif")
    text.line()
    text.comment("Where a processor computes with more digits than a float has, as x87 does, a store drops them.")
    text.lines([
      "#if defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD == 0)", "#define \(float) float", "#else",
      "#define \(float) volatile float", "#endif",
    ])
    text.line()
    text.line("#ifdef __cplusplus")
    text.line("extern \"C\" {")
    text.line("#endif")
    for port in inputs { input(port, &text) }
    for port in outputs { output(port, &text) }
    for (role, ports) in [("input", inputs), ("output", outputs)] { numbers(role, ports, &text) }
    if !options.classNames.isEmpty { classNames(&text) }
    text.line()
    text.line("#ifdef __cplusplus")
    text.line("}")
    text.line("#endif")
    text.line()
    text.line("#endif /* \(macro)_IO_H */")
    return text.text
  }

  /// The type of floats that have no more digits than they are to have.
  private var float: String { "\(options.names.macro)_FLOAT" }

  private func input(_ port: Port, _ text: inout CText) {
    let (name, type) = (options.names.prefix, port.value.cType)
    let (zero, range) = (Int64(port.value.zeroPoint), port.value.range)
    begin(port, isConstant: false, &text)
    text.line()
    text.comment(
      "The code of a real value: the value divided by the scale, rounded to the nearest, halves away from zero, plus the "
        + "zero point, saturated; of NaN the zero point. As `lockstep simulate` makes codes of real values.")
    text.block("static inline \(type) \(name)_quantize_\(port.name)(float value)") { text in
      text.line("const \(float) scale = \(port.macro)_SCALE;")
      text.line("const \(float) scaled = value / scale;")
      text.line("int32_t code = \(port.macro)_ZERO_POINT;")
      text.block("if (scaled >= \(Self.real(range.upperBound - zero)))") { $0.line("code = \(range.upperBound);") }
      text.block("else if (scaled <= \(Self.real(range.lowerBound - zero)))") { $0.line("code = \(range.lowerBound);") }
      text.block("else if (scaled < \(Self.real(range.upperBound - zero)))") { text in
        text.comment("Between these bounds, conversion and difference are exact.")
        text.line("const int32_t whole = (int32_t)scaled;")
        text.line("const float rest = scaled - (float)whole;")
        text.line("code += whole + ((rest >= 0.5f) ? 1 : 0) - ((rest <= -0.5f) ? 1 : 0);")
      }
      text.block("else") { $0.comment("NaN.") }
      text.line("return (\(type))code;")
    }
    text.line()
    text.comment("Sets the input to \(port.macro)_COUNT real values, in the order of its shape \(port.value.shape).")
    text.block("static inline void \(name)_set_\(port.name)(int8_t *arena, const float *values)") { text in
      text.line("\(type) *const codes = \(name)_\(port.name)(arena);")
      text.block("for (uint32_t i = 0u; i < \(port.macro)_COUNT; i++)") {
        $0.line("codes[i] = \(name)_quantize_\(port.name)(values[i]);")
      }
    }
  }

  private func output(_ port: Port, _ text: inout CText) {
    let (name, type) = (options.names.prefix, port.value.cType)
    begin(port, isConstant: true, &text)
    text.line()
    text.comment("The real value of a code.")
    text.block("static inline float \(name)_dequantize_\(port.name)(\(type) code)") { text in
      text.line("const \(float) scale = \(port.macro)_SCALE;")
      if port.value.type.bits <= 16 {
        text.line("const \(float) real = scale * (float)((int32_t)code - \(port.macro)_ZERO_POINT);")
      } else {
        // More digits than a float has.
        text.line(
          "const \(float) real = (float)((double)scale * (double)((int64_t)code - (int64_t)\(port.macro)_ZERO_POINT));")
      }
      text.line("return real;")
    }
    text.line()
    text.comment("The output's \(port.macro)_COUNT real values, in the order of its shape \(port.value.shape).")
    text.block("static inline void \(name)_get_\(port.name)(const int8_t *arena, float *values)") { text in
      text.line("const \(type) *const codes = \(name)_\(port.name)(arena);")
      text.block("for (uint32_t i = 0u; i < \(port.macro)_COUNT; i++)") {
        $0.line("values[i] = \(name)_dequantize_\(port.name)(codes[i]);")
      }
    }
    let classes = port.value.shape.last ?? 1
    guard classes > 1 else { return }
    let isWhole = classes == port.value.count
    text.line()
    text.comment(
      "The index of the largest of \(classes) codes, and of equal ones the lowest: the class, "
        + (isWhole ? "where the output has one. `codes` is \(name)_\(port.name)(arena)."
          : "at one place of the output, of which `codes` is the first code. Places are \(classes) codes apart."))
    text.block("static inline uint32_t \(name)_argmax_\(port.name)(const \(type) *codes)") { text in
      text.line("uint32_t largest = 0u;")
      text.block("for (uint32_t i = 1u; i < \(isWhole ? "\(port.macro)_COUNT" : "\(classes)u"); i++)") { text in
        text.block("if (codes[i] > codes[largest])") { $0.line("largest = i;") }
      }
      text.line("return largest;")
    }
  }

  /// A port's name in the model, and where its codes are.
  private func begin(_ port: Port, isConstant: Bool, _ text: inout CText) {
    let type = (isConstant ? "const " : "") + port.value.cType
    text.line()
    text.comment("What the model calls its \(port.name.replacing("_", with: " ")).")
    text.line("#define \(port.macro)_NAME \(Self.literal(port.modelName))")
    text.line()
    text.comment("Its codes in the arena.")
    text.block("static inline \(type) *\(options.names.prefix)_\(port.name)(\(isConstant ? "const " : "")int8_t *arena)") { text in
      text.line(pointer("codes", to: port, isConstant: isConstant))
      text.line("return codes;")
    }
  }

  /// The numbers of inputs or outputs by the model's names, as far as these differ where C allows it.
  private func numbers(_ role: String, _ ports: [Port], _ text: inout CText) {
    guard ports.count > 1 else { return }
    var known: Set<String> = []
    text.line()
    text.comment("The numbers of \(role)s, by the model's names.")
    text.block("enum", end: "};") { text in
      for (index, port) in ports.enumerated() {
        var name = CNames.identifier(of: String(port.modelName.prefix(80))).uppercased()
        while !known.insert(name).inserted { name += "_\(index)" }
        text.line("\(options.names.macro)_\(role.uppercased())_IS_\(name) = \(index)\(index == ports.count - 1 ? "" : ",")")
      }
    }
  }

  private func classNames(_ text: inout CText) {
    let (name, macro) = (options.names.prefix, options.names.macro)
    text.line()
    text.line("#define \(macro)_CLASS_COUNT \(options.classNames.count)u")
    text.line()
    text.comment("The name of a class, in UTF-8; empty where there is no class of that index.")
    text.block("static inline const char *\(name)_class_name(uint32_t index)") { text in
      text.block("static const char *const names[\(macro)_CLASS_COUNT] =", end: "};") { text in
        for name in options.classNames { text.line("\(Self.literal(name)),") }
      }
      text.line("return (index < \(macro)_CLASS_COUNT) ? names[index] : \"\";")
    }
  }

  /// A whole number as a float.
  private static func real(_ number: Int64) -> String {
    number < 0 ? "(\(number).0f)" : "\(number).0f"
  }

  /// A string literal of some text's bytes.
  static func literal(_ text: String) -> String {
    var literal = "\""
    for byte in text.utf8 {
      switch byte {
      // Of two question marks a trigraph may be made.
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "?"): literal += "\\" + String(UnicodeScalar(byte))
      case 0x20...0x7E: literal += String(UnicodeScalar(byte))
      default: literal += "\\" + [byte >> 6, byte >> 3 & 7, byte & 7].map(String.init).joined()
      }
    }
    return literal + "\""
  }
}
