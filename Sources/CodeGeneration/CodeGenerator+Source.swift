import IntegerProgram

extension CodeGenerator {
  func source(_ variant: CodeVariant, _ place: CodePlace) -> String {
    let name = options.names.prefix
    var text = banner("\(name)\(place.infix).c: the network's steps, in order\(audience(place)).")
    if place == .alone && !isPortable {
      text.line("#if !(\(ProcessorNeed.condition(variant.needs)))")
      text.line(
        "#error \"\(name).c is made for the target \(options.target), which has \(ProcessorNeed.words(variant.needs)): "
          + "make C for other processors with --target host, or for both with --package\"")
      text.line("#endif")
      text.line()
    }
    guarded(place, &text) { text in
      for header in variant.headers { text.line("#include <\(header)>") }
      if place == .alone { text.line("#include \"\(name).h\"") }
      text.line("#include \"\(name)\(place.infix)_weights.h\"")
      text.line()
      steps(variant, &text)
    }
    return text.text
  }

  /// Whom a file is for, as its first line says.
  private func audience(_ place: CodePlace) -> String {
    switch place {
    case .alone: isPortable ? "" : ", for \(options.target)"
    case .target: ", for \(options.target)"
    case .portable: ", for other processors than \(options.target)'s"
    }
  }

  /// Text that only the compilers of the processors it is for are to see. The header decides, and comes first.
  private func guarded(_ place: CodePlace, _ text: inout CText, _ body: (inout CText) -> Void) {
    guard place != .alone else { return body(&text) }
    text.line("#include \"\(options.names.prefix).h\"")
    text.line()
    text.line("\(place == .target ? "#ifdef" : "#ifndef") \(targetCode)")
    text.line()
    body(&text)
    text.line()
    text.line("#endif /* \(targetCode) */")
  }

  private func steps(_ variant: CodeVariant, _ text: inout CText) {
    let (name, macro) = (options.names.prefix, options.names.macro)
    text.comment(
      "The code assumes two's complement and arithmetic right shifts, which C leaves to the compiler; an array of "
        + "negative size refuses any other.")
    text.line("typedef char \(name)_assumes_arithmetic_shift[((-1 >> 1) == -1) ? 1 : -1];")
    text.line()
    text.comment(
      "Kernels are compiled apart from their callers. Where GCC 12 sees that a kernel's pointers come from one arena, it "
        + "may lose track of what a loop stores to and drop it.")
    text.lines([
      "#if defined(__clang__)", "#define \(macro)_KERNEL __attribute__((noinline))", "#elif defined(__GNUC__)",
      "#define \(macro)_KERNEL __attribute__((noinline, noclone))", "#else", "#define \(macro)_KERNEL", "#endif", "",
    ])
    let code = variant.functions + variant.kernels.compactMap { $0.flatMap { $0.function.isEmpty ? nil : $0.definition } }
    let helpers = CHelpers.definitions(prefix: name, calledBy: code.map(\.text).joined())
    for part in helpers + code {
      text.append(part)
      text.line()
    }
    text.block("static \(name)_status \(name)_check(const int8_t *arena, uint32_t arena_size)") { text in
      text.line("const uintptr_t address = (uintptr_t)arena;")
      text.line("\(name)_status status = \(macro)_OK;")
      let misaligned = variant.alignment > 1 ? " || ((address % \(macro)_ARENA_ALIGNMENT) != 0u)" : ""
      text.block("if ((address == 0u)\(misaligned))") { $0.line("status = \(macro)_BAD_ARENA;") }
      text.block("else if (arena_size < \(macro)_ARENA_SIZE)") { $0.line("status = \(macro)_ARENA_TOO_SMALL;") }
      text.block("else") { $0.comment("The arena will do.") }
      text.line("return status;")
    }
    text.line()
    if !program.states.isEmpty { stateFunctions(variant, &text) }
    for isObserved in [false, true] {
      let signature =
        isObserved
        ? "_run_observed(\n  int8_t *arena, uint32_t arena_size, \(name)_observer observer, void *context)"
        : "_run(int8_t *arena, uint32_t arena_size)"
      text.block("\(name)_status \(name)\(signature)") { text in
        text.line("const \(name)_status status = \(name)_check(arena, arena_size);")
        text.block("if (status == \(macro)_OK)") { text in
          for (index, step) in program.steps.enumerated() {
            if let kernel = variant.kernels[index] { text.line(kernel.call) }
            if isObserved {
              let output = program.values[step.output]
              let offset = variant.plan.offset(ofValue: step.output) ?? 0
              text.line("observer(context, \(index)u, &arena[\(offset)], \(output.count * output.bytesPerCode)u);")
            }
          }
          for copy in variant.stateCopies(program) {
            text.line("\(name)_keep(&arena[\(copy.from)], &arena[\(copy.to)], \(copy.bytes)u);")
          }
        }
        text.line("return status;")
      }
      if !isObserved { text.line() }
    }
  }

  /// NAME_reset, and what it and runs need.
  private func stateFunctions(_ variant: CodeVariant, _ text: inout CText) {
    let (name, macro) = (options.names.prefix, options.names.macro)
    let starts = zip(program.states, variant.initialTables)
    if starts.contains(where: { $1 != nil }) || !variant.stateCopies(program).isEmpty {
      text.block("\(macro)_KERNEL static void \(name)_keep(const int8_t *from, int8_t *to, uint32_t bytes)") { text in
        text.block("for (uint32_t i = 0u; i < bytes; i++)") { $0.line("to[i] = from[i];") }
      }
      text.line()
    }
    // Functions of their own: GCC 12 inlines loops as vectors, and then lets a short branch jump over all of them.
    let filled = zip(states, variant.initialTables).filter { $1 == nil }.map { $0.0.value.cType }
    for type in Set(filled).sorted() {
      text.block("\(macro)_KERNEL static void \(name)_fill_\(type)(\(type) *to, \(type) code, uint32_t count)") { text in
        text.block("for (uint32_t i = 0u; i < count; i++)") { $0.line("to[i] = code;") }
      }
      text.line()
    }
    text.block("\(name)_status \(name)_reset(int8_t *arena, uint32_t arena_size)") { text in
      text.line("const \(name)_status status = \(name)_check(arena, arena_size);")
      text.block("if (status == \(macro)_OK)") { text in
        for (index, (port, table)) in zip(states, variant.initialTables).enumerated() {
          if let table {
            text.line(
              "\(name)_keep((const int8_t *)\(table), &arena[\(port.macro)_OFFSET], "
                + "\(port.value.count * port.value.bytesPerCode)u);")
          } else {
            text.line(pointer("state_\(index)", to: port))
            let code = CExpressionPrinter.literal(Int64(program.states[index].initial.first ?? 0))
            text.line("\(name)_fill_\(port.value.cType)(state_\(index), \(code), \(port.macro)_COUNT);")
          }
        }
      }
      text.line("return status;")
    }
    text.line()
  }

  func weightsHeader(_ variant: CodeVariant, _ place: CodePlace) -> String {
    let (name, macro) = (options.names.prefix + place.infix, options.names.macro)
    let once = "\(macro)\(place.infix.uppercased())_WEIGHTS_H"
    var text = banner("\(name)_weights.h: the constant tables; included by \(name).c alone.")
    text.line("#ifndef \(once)")
    text.line("#define \(once)")
    text.line()
    text.line("#include <stdint.h>")
    text.line()
    text.comment(
      "Stands before every table: define it, on the compiler's command line, to place them, as in",
      "  -D'\(macro)_WEIGHTS=__attribute__((section(\".flash\")))'")
    text.line("#ifndef \(macro)_WEIGHTS")
    text.line("#define \(macro)_WEIGHTS")
    text.line("#endif")
    text.line()
    for table in variant.tables { text.line("extern const \(table.type) \(table.name)[\(table.elements.count)];") }
    text.line()
    text.line("#endif /* \(once) */")
    return text.text
  }

  func weights(_ variant: CodeVariant, _ place: CodePlace) -> String {
    let name = options.names.prefix
    var text = banner(
      "\(name)\(place.infix)_weights.c: the constant tables, \(variant.tableBytes) bytes\(place == .alone ? "" : audience(place)).")
    guarded(place, &text) { text in
      if place == .alone { text.line("#include \"\(name).h\"") }
      text.line("#include \"\(name)\(place.infix)_weights.h\"")
      text.line()
      text.line("const char \(name)_program_digest[65] =")
      text.line("  \"\(digest)\";")
      for table in variant.tables {
        text.line()
        text.comment(table.comment + ".")
        text.table(
          "\(options.names.macro)_WEIGHTS const \(table.type) \(table.name)[\(table.elements.count)]", table.elements)
      }
    }
    return text.text
  }
}
