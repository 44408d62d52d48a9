import CodeGeneration
import IntegerProgram

/// The C program that runs generated code on vectors from its standard input and writes a trace of each to its standard
/// output. The arena is filled with noise before every run, so code that reads what it has not written is found out.
enum Driver {
  static func source(for program: IntegerProgram, names: CNames) -> String {
    let (name, macro) = (names.prefix, names.macro)
    func port(_ role: String, _ index: Int, _ count: Int) -> String { "\(macro)_\(role)" + (count == 1 ? "" : "_\(index)") }
    var fill = ""
    var total = "0u"
    for (index, input) in program.inputs.enumerated() {
      let width = Trace.width(program.values[input])
      let port = port("INPUT", index, program.inputs.count)
      fill += "  memcpy(&arena[\(port)_OFFSET], &inputs[\(total)], \(port)_COUNT * \(width)u);\n"
      total += " + \(port)_COUNT * \(width)u"
    }
    var outputs = ""
    for (index, output) in program.outputs.enumerated() {
      let port = port("OUTPUT", index, program.outputs.count)
      let width = Trace.width(program.values[output])
      outputs += "    put(&arena[\(port)_OFFSET], \(port)_COUNT * \(width)u);\n"
    }
    return """
      #define _POSIX_C_SOURCE 200112L
      #include <stdint.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include "\(name).h"

      static int8_t *arena;
      static int8_t inputs[\(total)];

      static void put(const int8_t *codes, uint32_t bytes) {
        if (fwrite(codes, 1, bytes, stdout) != bytes) exit(3);
      }
      static void observe(void *context, uint32_t step, const int8_t *codes, uint32_t bytes) {
        (void)step;
        if (context != (void *)&arena) exit(4);
        put(codes, bytes);
      }
      static void prepare(int noise) {
        memset(arena, noise, \(macro)_ARENA_SIZE);
      \(fill)}

      int main(void) {
        /* Aligned, and ending where the allocation ends: the address sanitizer sees one byte too far. */
        void *memory = NULL;
        const size_t alignment = \(macro)_ARENA_ALIGNMENT < sizeof(void *) ? sizeof(void *) : \(macro)_ARENA_ALIGNMENT;
        if (posix_memalign(&memory, alignment, \(macro)_ARENA_SIZE) != 0) return 5;
        arena = memory;
        while (fread(inputs, 1, sizeof inputs, stdin) == sizeof inputs) {
          prepare(0xA5);
          if (\(name)_run_observed(arena, \(macro)_ARENA_SIZE, observe, &arena) != \(macro)_OK) return 2;
          prepare(0x5A);
          if (\(name)_run(arena, \(macro)_ARENA_SIZE) != \(macro)_OK) return 2;
      \(outputs)  }
        return fflush(stdout) == 0 ? 0 : 3;
      }

      """
  }
}
