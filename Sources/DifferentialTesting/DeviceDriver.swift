import CodeGeneration
import IntegerProgram

/// The C program that runs generated code on a device: as `Driver`, but what it needs of the world is a target's
/// runner, and it takes nothing of the device's memory but the arena. Inputs go from the runner straight into the arena, layers
/// straight from there to the runner; noise around the arena shows what writes past its ends.
package enum DeviceDriver {
  static func source(for program: IntegerProgram, names: CNames) -> String {
    let (name, macro) = (names.prefix, names.macro)
    let ports = PortNames(program, names)
    let arena = "memory.arena"
    let calls = DriverCalls(program, names, arena: arena)
    let read = DriverCalls.transfers("get", ports.inputs, program.inputs, of: program, arena: arena)
    let write = DriverCalls.transfers("put", ports.outputs, program.outputs, of: program, arena: arena)
    return """
      #include <stdint.h>
      #include "runner.h"
      #include "\(name).h"

      static struct {
        uint8_t before[16];
        int8_t arena[\(macro)_ARENA_SIZE] __attribute__((aligned(\(macro)_ARENA_ALIGNMENT)));
        uint8_t after[16];
      } memory;

      static void get(void *to, uint32_t bytes) {
        if (!runner_read(to, bytes)) runner_exit(\(Status.input));
      }
      static void put(const int8_t *codes, uint32_t bytes) {
        if (!runner_write(codes, bytes)) runner_exit(\(Status.output));
      }
      static void observe(void *context, uint32_t step, const int8_t *codes, uint32_t bytes) {
        (void)step;
        if (context != (void *)&memory) runner_exit(\(Status.context));
        put(codes, bytes);
      }
      static void prepare(uint8_t noise) {
        uint8_t *const bytes = (uint8_t *)&memory;
        for (uint32_t i = 0; i < sizeof memory; i++) bytes[i] = noise;
      \(read)}
      static void expect_run(\(name)_status status) {
        if (status != \(macro)_OK) runner_exit(\(Status.refused));
      }
      static void expect_untouched(uint8_t noise) {
        for (uint32_t i = 0; i < sizeof memory.before; i++) {
          if (memory.before[i] != noise || memory.after[i] != noise) runner_exit(\(Status.overrun));
        }
      }
      \(calls.definition)
      int main(void) {
        uint32_t vectors = 0;
        /* Reading it keeps it in the image. */
        (void)*(const volatile char *)\(name)_program_digest;
        get(&vectors, sizeof vectors);
        for (uint32_t vector = 0; vector < vectors; vector++) {
          prepare(0xA5);
          expect_run(\(name)_run_observed(memory.arena, \(macro)_ARENA_SIZE, observe, &memory));
          expect_untouched(0xA5);
          prepare(0x5A);
          expect_run(\(name)_run(memory.arena, \(macro)_ARENA_SIZE));
          expect_untouched(0x5A);
      \(write)  }
      \(calls.invocation)  runner_exit(0);
      }

      """
  }

  /// The inputs of vectors as the program takes them: their number, then the inputs of each twice, once for each
  /// run, and what `DriverCalls` takes.
  static func inputs(_ vectors: ArraySlice<[[Int32]]>, of program: IntegerProgram, trace: Trace) -> [UInt8] {
    var bytes = Driver.littleEndian(vectors.count)
    for vector in vectors {
      for _ in 0..<2 {
        for (position, input) in program.inputs.enumerated() { trace.append(vector[position], input, &bytes) }
      }
    }
    return bytes + DriverCalls.inputs(vectors, of: program, trace: trace)
  }

  /// Statuses that the program, or a runner, ends with.
  package enum Status {
    package static let refused = 2, input = 3, context = 4, output = 5, overrun = 6

    /// What a status means; nil for one that is not ours.
    static func text(_ status: Int32) -> String? {
      switch Int(status) {
      case refused: "the code refused its arena"
      case input: "the runner gave too few inputs"
      case context: "the observer was called with another context"
      case output: "the runner took no outputs"
      case overrun: "the code wrote past the arena's ends"
      case 100: "the processor took a fault"
      case 101: "the runner cannot open its files"
      default: nil
      }
    }
  }
}
