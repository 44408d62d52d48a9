import IntegerProgram

extension CodeGenerator {
  func source() -> String {
    let (name, macro) = (options.names.prefix, options.names.macro)
    var text = banner("\(name).c: the network's steps, in order.")
    for header in headers { text.line("#include <\(header)>") }
    text.line("#include \"\(name).h\"")
    text.line("#include \"\(name)_weights.h\"")
    text.line()
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
    let code = functions.map(\.text) + kernels.compactMap { $0?.definition.text }
    let helpers = CHelpers.definitions(prefix: name, calledBy: code.joined())
    let body = text.text + (helpers.map(\.text) + code).map { $0 + "\n" }.joined()

    var end = CText()
    end.block("static \(name)_status \(name)_check(const int8_t *arena, uint32_t arena_size)") { text in
      text.line("const uintptr_t address = (uintptr_t)arena;")
      text.line("\(name)_status status = \(macro)_OK;")
      let misaligned = options.alignment > 1 ? " || ((address % \(macro)_ARENA_ALIGNMENT) != 0u)" : ""
      text.block("if ((address == 0u)\(misaligned))") { $0.line("status = \(macro)_BAD_ARENA;") }
      text.block("else if (arena_size < \(macro)_ARENA_SIZE)") { $0.line("status = \(macro)_ARENA_TOO_SMALL;") }
      text.block("else") { $0.comment("The arena will do.") }
      text.line("return status;")
    }
    end.line()
    for isObserved in [false, true] {
      let signature =
        isObserved
        ? "_run_observed(\n  int8_t *arena, uint32_t arena_size, \(name)_observer observer, void *context)"
        : "_run(int8_t *arena, uint32_t arena_size)"
      end.block("\(name)_status \(name)\(signature)") { text in
        text.line("const \(name)_status status = \(name)_check(arena, arena_size);")
        text.block("if (status == \(macro)_OK)") { text in
          for (index, step) in program.steps.enumerated() {
            if let kernel = kernels[index] { text.line(kernel.call) }
            if isObserved {
              let output = program.values[step.output]
              let offset = plan.offset(ofValue: step.output) ?? 0
              text.line("observer(context, \(index)u, &arena[\(offset)], \(output.count * codeSize(output))u);")
            }
          }
        }
        text.line("return status;")
      }
      if !isObserved { end.line() }
    }
    return body + end.text
  }

  func weightsHeader() -> String {
    let (name, macro) = (options.names.prefix, options.names.macro)
    var text = banner("\(name)_weights.h: the constant tables; included by \(name).c alone.")
    text.line("#ifndef \(macro)_WEIGHTS_H")
    text.line("#define \(macro)_WEIGHTS_H")
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
    for table in tables { text.line("extern const \(table.type) \(table.name)[\(table.elements.count)];") }
    text.line()
    text.line("#endif /* \(macro)_WEIGHTS_H */")
    return text.text
  }

  func weights() -> String {
    let (name, macro) = (options.names.prefix, options.names.macro)
    var text = banner("\(name)_weights.c: the constant tables, \(tableBytes) bytes.")
    text.line("#include \"\(name).h\"")
    text.line("#include \"\(name)_weights.h\"")
    text.line()
    text.line("const char \(name)_program_digest[65] =")
    text.line("  \"\(digest)\";")
    for table in tables {
      text.line()
      text.comment(table.comment + ".")
      text.table("\(macro)_WEIGHTS const \(table.type) \(table.name)[\(table.elements.count)]", table.elements)
    }
    return text.text
  }
}
