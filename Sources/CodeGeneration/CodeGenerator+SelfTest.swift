import IntegerProgram

extension CodeGenerator {
  func selfTestSource(_ test: SelfTest) -> String {
    let (name, macro) = (options.names.prefix, options.names.macro)
    var text = banner("\(name)_selftest.c: the network checked against the simulator, on the device itself.")
    text.line("#include \"\(name).h\"")
    text.line()
    text.comment("The outputs of each vector, as the simulator computed them.")
    for (index, port) in outputs.enumerated() {
      let codes = test.outputs.flatMap { $0[index] }
      text.table("static const \(port.value.cType) \(name)_expected_\(index)[\(codes.count)]", codes)
    }
    text.line()
    text.comment("FNV-1a of each step's output on vector \(SelfTest.hashedVector).")
    text.line("static const uint32_t \(name)_step_hashes[\(max(1, test.stepHashes.count))] = {")
    for hash in test.stepHashes { text.line("  \(hash)u,") }
    if test.stepHashes.isEmpty { text.line("  0u") }
    text.line("};")
    text.line()
    text.block("static uint32_t \(name)_random(uint32_t *state)") { text in
      text.line("uint32_t x = *state;")
      text.line("x ^= x << 13;")
      text.line("x ^= x >> 17;")
      text.line("x ^= x << 5;")
      text.line("*state = x;")
      text.line("return x;")
    }
    text.line()
    text.block("static int32_t \(name)_code(uint32_t vector, uint32_t *state, int32_t low, int32_t high, int32_t zero)") { text in
      text.line("int32_t code = zero;")
      text.block("if (vector == 0u)") { $0.line("code = low;") }
      text.block("else if (vector == 1u)") { $0.line("code = high;") }
      text.block("else if (vector > 2u)") { text in
        text.line("code = low + (int32_t)((\(name)_random(state) >> 8) % (uint32_t)(high - low + 1));")
      }
      text.block("else") { $0.comment("Vector 2 is all zero points.") }
      text.line("return code;")
    }
    text.line()
    text.block("static void \(name)_set_inputs(int8_t *arena, uint32_t vector)") { text in
      text.line("uint32_t state = 2463534242u + vector;")
      for (index, port) in inputs.enumerated() {
        text.line(pointer("input_\(index)", to: port))
        text.block("for (uint32_t i = 0u; i < \(port.macro)_COUNT; i++)") { text in
          let range = port.value.range
          text.line(
            "input_\(index)[i] = (\(port.value.cType))\(name)_code(vector, &state, \(CExpressionPrinter.literal(range.lowerBound)), \(range.upperBound), \(port.macro)_ZERO_POINT);")
        }
      }
    }
    text.line()
    text.block("static void \(name)_compare_step(void *context, uint32_t step, const int8_t *codes, uint32_t bytes)") { text in
      text.line("uint32_t *const first_step = (uint32_t *)context;")
      text.line("uint32_t hash = 2166136261u;")
      text.block("for (uint32_t i = 0u; i < bytes; i++)") { $0.line("hash = (hash ^ (uint32_t)(uint8_t)codes[i]) * 16777619u;") }
      text.block("if ((hash != \(name)_step_hashes[step]) && (step < *first_step))") { $0.line("*first_step = step;") }
    }
    text.line()
    text.block("uint32_t \(name)_selftest(int8_t *arena, uint32_t arena_size, uint32_t *first_step)") { text in
      text.line("uint32_t failed = 0u;")
      text.line("uint32_t wrong_step = \(macro)_STEP_COUNT;")
      if !states.isEmpty {
        text.comment("The vectors are calls in a row, from the initial states on.")
        text.line("(void)\(name)_reset(arena, arena_size);")
      }
      text.block("for (uint32_t vector = 0u; vector < \(test.outputs.count)u; vector++)") { text in
        text.line("\(name)_status status = \(name)_run(arena, 0u);")
        text.block("if (status == \(macro)_ARENA_TOO_SMALL)") { text in
          text.line("\(name)_set_inputs(arena, vector);")
          text.block("if (vector == \(SelfTest.hashedVector)u)") {
            $0.line("status = \(name)_run_observed(arena, arena_size, \(name)_compare_step, &wrong_step);")
          }
          text.block("else") { $0.line("status = \(name)_run(arena, arena_size);") }
        }
        text.block("if ((status != \(macro)_OK) && (failed == 0u))") { $0.line("failed = vector + 1u;") }
        for (index, port) in outputs.enumerated() {
          text.block("for (uint32_t i = 0u; (i < \(port.macro)_COUNT) && (failed == 0u); i++)") { text in
            text.line(pointer("output", to: port, isConstant: true))
            text.block("if (output[i] != \(name)_expected_\(index)[(vector * \(port.macro)_COUNT) + i])") {
              $0.line("failed = vector + 1u;")
            }
          }
        }
      }
      text.line("*first_step = wrong_step;")
      text.line("return failed;")
    }
    text.line()
    text.line("#ifdef \(macro)_SELFTEST_MAIN")
    text.line("#include <stdio.h>")
    text.line()
    text.block("int main(void)") { text in
      text.comment("Room to move the arena up to its alignment.")
      text.line("static int8_t memory[\(macro)_ARENA_SIZE + \(macro)_ARENA_ALIGNMENT];")
      text.line("const uint32_t excess = (uint32_t)((uintptr_t)memory % \(macro)_ARENA_ALIGNMENT);")
      text.line("int8_t *const arena = &memory[\(macro)_ARENA_ALIGNMENT - excess];")
      runSelfTest(.printf, &text)
      text.line("return (failed == 0u) ? 0 : 1;")
    }
    text.line("#endif")
    return text.text
  }

  /// Runs the self-test in `arena` and says what came of it; leaves the result in `failed`.
  func runSelfTest(_ console: Console, _ text: inout CText) {
    let (name, macro) = (options.names.prefix, options.names.macro)
    text.line("uint32_t step = 0u;")
    text.line("const uint32_t failed = \(name)_selftest(arena, \(macro)_ARENA_SIZE, &step);")
    text.block("if (failed == 0u)") {
      $0.lines(
        console.print([
          .text("PASS \(name): \(SelfTest.vectorCount) vectors, program "), .string("\(name)_program_digest"),
        ]))
    }
    text.block("else") {
      $0.lines(
        console.print([
          .text("FAIL \(name): vector "), .unsigned("(failed - 1u)"), .text(", first wrong step "), .unsigned("step"),
        ]))
    }
  }
}
