import Arithmetic
import IntegerProgram
import Network

extension CodeGenerator {
  /// The header; with the figures of portable code, too, where that stands beside the target's.
  func header(hasSelfTest: Bool, portable: CodeVariant?) -> String {
    let (name, macro) = (options.names.prefix, options.names.macro)
    var text = banner("\(name).h: a quantised neural network in integer arithmetic.")
    let roundings = Set(program.steps.flatMap(\.roundings)).map(\.rawValue).sorted()
    var use = [
      "Use: put codes into the arena, run, read codes from the arena.", "",
      "  static int8_t arena[\(macro)_ARENA_SIZE]; aligned to \(macro)_ARENA_ALIGNMENT bytes",
    ]
    if !states.isEmpty { use.append("  once, and wherever a new history begins: \(name)_reset(arena, sizeof arena)") }
    let read = outputs.map { "&arena[\($0.macro)_OFFSET]" }.joined(separator: ", ")
    use += [
      "  fill \(inputs.map { "&arena[\($0.macro)_OFFSET]" }.joined(separator: ", ")) with the input codes",
      "  if (\(name)_run(arena, sizeof arena) == \(macro)_OK) { read \(read) }", "",
    ]
    let kept =
      states.isEmpty
      ? ""
      : "It leaves its states for the next in the first \(macro)_STATE_SIZE bytes of its arena; the rest may serve others "
        + "between runs, and an arena each lets several instances go on side by side. "
    use += [
      "A run overwrites the inputs. \(kept)Nothing else is kept: no static variables, no heap, no floating point, no "
        + "recursion; a run touches its arena and a few hundred bytes of stack, so runs with different arenas may go on "
        + "at once.", "",
      "Rounding of requantisation: \(roundings.isEmpty ? "none" : roundings.joined(separator: ", ")).",
      "Every accumulator and intermediate result is proved to stay inside its type for all inputs; the ranges stand at "
        + "each function. Multiply-accumulates a run: \(program.multiplyAccumulates). Constant tables: \(tableBytes) bytes"
        + (portable.map { ", or \($0.tableBytes) in portable code." } ?? "."),
    ]
    text.comment(use)
    if !program.notices.isEmpty {
      text.line()
      for notice in program.notices { text.comment("Notice: \(notice).") }
    }
    text.line()
    text.line("#ifndef \(macro)_H")
    text.line("#define \(macro)_H")
    text.line()
    text.line("#include <stdint.h>")
    text.line()
    text.line("#ifdef __cplusplus")
    text.line("extern \"C\" {")
    text.line("#endif")
    text.line()
    if portable != nil {
      text.comment(
        "\(name).c is made for \(options.target), for processors and compilers that have \(ProcessorNeed.words(own.needs)); "
          + "\(name)_portable.c is C for any other. The compiler's macros choose; \(macro)_PORTABLE, defined for all files, "
          + "chooses the portable code everywhere. Both give the same codes, in arenas of their own layouts: compile all "
          + "files that include this one for the same processor.")
      text.line("#if !defined(\(macro)_PORTABLE) && \(ProcessorNeed.condition(own.needs))")
      text.line("#define \(targetCode)")
      text.line("#endif")
      text.line()
    }
    text.comment("The memory a run works in, inputs and outputs included.")
    define("\(macro)_ARENA_SIZE", portable, &text) { "\(max($0.plan.arenaSize, 1))u" }
    define("\(macro)_ARENA_ALIGNMENT", portable, &text) { "\($0.alignment)u" }
    for (role, ports) in [("Input", inputs), ("Output", outputs)] {
      for port in ports { self.port(port, role, portable, &text) }
    }
    if !states.isEmpty {
      text.line()
      text.comment("The bytes at the arena's start that a run leaves for the next.")
      define("\(macro)_STATE_SIZE", portable, &text) { "\($0.plan.stateSize)u" }
      for port in states { self.port(port, "State", portable, &text) }
    }
    text.line()
    text.block("typedef enum", end: "} \(name)_status;") { text in
      text.line("\(macro)_OK = 0,")
      text.comment("The arena is a null pointer or not a multiple of \(macro)_ARENA_ALIGNMENT.")
      text.line("\(macro)_BAD_ARENA = 1,")
      text.comment("The arena is smaller than \(macro)_ARENA_SIZE.")
      text.line("\(macro)_ARENA_TOO_SMALL = 2")
    }
    text.line()
    if !states.isEmpty {
      text.comment(
        "Gives the states their initial codes: before the first run, and wherever a new history begins. Returns as "
          + "\(name)_run.")
      text.line("\(name)_status \(name)_reset(int8_t *arena, uint32_t arena_size);")
      text.line()
    }
    text.comment(
      "Runs the network once on the input codes in the arena. Returns \(macro)_OK, with the output codes in the arena; or "
        + "what is wrong with the arena, which is then untouched.")
    text.line("\(name)_status \(name)_run(int8_t *arena, uint32_t arena_size);")
    text.line()
    text.comment(
      "Called after a step with the codes it made: `bytes` bytes from `codes`, valid until the function returns. Steps are "
        + "numbered as in the table below.")
    text.line(
      "typedef void (*\(name)_observer)(void *context, uint32_t step, const int8_t *codes, uint32_t bytes);")
    text.line("#define \(macro)_STEP_COUNT \(program.steps.count)u")
    text.line()
    text.comment("As \(name)_run, and calls `observer`, which must not be null, after every step.")
    text.line("\(name)_status \(name)_run_observed(")
    text.line("  int8_t *arena, uint32_t arena_size, \(name)_observer observer, void *context);")
    text.line()
    text.comment("SHA-256 of the program that this code computes, in hexadecimal: it ties the image to its proofs.")
    text.line("extern const char \(name)_program_digest[65];")
    if hasSelfTest {
      text.line()
      text.comment(
        "Runs \(SelfTest.vectorCount) embedded test vectors (\(name)_selftest.c). Returns 0 where every output is the "
          + "simulator's; else 1 + the index of the first vector that differs, and in `first_step` the first step that "
          + "went wrong on vector \(SelfTest.hashedVector), or \(macro)_STEP_COUNT where none did.")
      text.line("uint32_t \(name)_selftest(int8_t *arena, uint32_t arena_size, uint32_t *first_step);")
    }
    text.line()
    text.comment("Steps: number, layer of the model, operation, output shape, output bytes, name in the model.")
    for (index, step) in program.steps.enumerated() {
      let output = program.values[step.output]
      text.comment(
        "  \(index)  layer \(step.source.index)  \(step.source.type)  \(output.shape)  "
          + "\(output.count * output.bytesPerCode)  \(step.source.name.printable(80))")
    }
    text.line()
    text.line("#ifdef __cplusplus")
    text.line("}")
    text.line("#endif")
    text.line()
    text.line("#endif /* \(macro)_H */")
    return text.text
  }

  /// The macro that is defined where the compiler's say that the target's code, and not the portable, is to be compiled.
  var targetCode: String { "\(options.names.macro)_TARGET_CODE" }

  /// A macro whose value may differ between the target's and the portable code.
  private func define(
    _ macro: String, _ portable: CodeVariant?, _ text: inout CText, _ value: (CodeVariant) -> String
  ) {
    let (here, elsewhere) = (value(own), value(portable ?? own))
    if here == elsewhere {
      text.line("#define \(macro) \(here)")
    } else {
      text.lines([
        "#ifdef \(targetCode)", "#define \(macro) \(here)", "#else", "#define \(macro) \(elsewhere)", "#endif",
      ])
    }
  }

  private func port(_ port: Port, _ role: String, _ portable: CodeVariant?, _ text: inout CText) {
    let value = port.value
    text.line()
    text.comment(
      "\(role) \"\((role == "State" ? port.modelName : value.name).printable(80))\": \(value.cType)\(value.shape), \(value.type) codes; "
        + "real value = scale * (code - zero point)."
        + (role == "Input" && value.range != value.type.range
          ? " It takes \(value.range.lowerBound) to \(value.range.upperBound) alone." : ""))
    define("\(port.macro)_OFFSET", portable, &text) { "\($0.plan.offset(ofValue: port.index) ?? 0)u" }
    text.line("#define \(port.macro)_COUNT \(value.count)u")
    text.line("#define \(port.macro)_ZERO_POINT \(CExpressionPrinter.literal(Int64(value.zeroPoint)))")
    // Nine digits are enough to give back every binary32 number.
    text.line("#define \(port.macro)_SCALE \(floatLiteral(value.scale))")
  }

  private func floatLiteral(_ value: Float) -> String {
    let text = "\(value)"
    return (text.contains(".") || text.contains("e") ? text : text + ".0") + "f"
  }
}

extension Step {
  /// The rounding rules a step applies.
  public var roundings: [Rounding] {
    switch operation {
    case .affine(let affine): [affine.requantization.rounding]
    case .combine(let combine): [combine.requantization.rounding]
    case .product(let product): [product.requantization.rounding]
    case .pool(let pool): if case .sum(_, let requantization, _) = pool.kind { [requantization.rounding] } else { [] }
    case .normalize(let normalization): if case .length(let rounding) = normalization.kind { [rounding] } else { [] }
    case .lookup, .softmax, .signal, .move: []
    }
  }
}
