import CodeGeneration
import DifferentialTesting
import IntegerProgram

/// The C program that runs a network to be measured: once on a painted stack, and where the target has a clock, twice
/// more, as a whole and step by step. It reads the inputs of each run, and writes what was measured as 32-bit numbers,
/// lowest byte first: the stack used; then the outputs; then, of a clock, the cycles of the whole run, of an observation
/// of nothing, and of each step.
struct ProfileDriver {
  let program: IntegerProgram
  let names: CNames
  /// The bytes of stack painted, and so the most that can be seen to be used.
  let paintedBytes: Int
  let hasClock: Bool

  var runs: Int { hasClock ? 3 : 1 }

  var source: String {
    let (name, macro) = (names.prefix, names.macro)
    func ports(_ ports: [String], _ values: [Int], _ call: String) -> String {
      zip(ports, values).map { port, value in
        "  \(call)(&arena[\(port)_OFFSET], \(port)_COUNT * \(program.values[value].bytesPerCode)u);\n"
      }.joined()
    }
    let portNames = PortNames(program, names)
    let clock = """

      static uint32_t lap;
      static void observe(void *context, uint32_t step, const int8_t *codes, uint32_t bytes) {
        const uint32_t now = runner_clock();
        (void)context, (void)step, (void)codes, (void)bytes;
        put_number(now - lap);
        lap = runner_clock();
      }
      /* Called as a network calls its observer. */
      static void (*volatile observer)(void *, uint32_t, const int8_t *, uint32_t) = observe;

      static void time_runs(void) {
        runner_start_clock();
        prepare();
        const uint32_t start = runner_clock();
        \(name)_status status = \(name)_run(arena, \(macro)_ARENA_SIZE);
        put_number(runner_clock() - start);
        expect(status);
        prepare();
        lap = runner_clock();
        observer(&lap, 0, arena, 0);
        status = \(name)_run_observed(arena, \(macro)_ARENA_SIZE, observer, &lap);
        expect(status);
      }
      """
    return """
      #include <stdint.h>
      #include "runner.h"
      #include "\(name).h"

      #define PAINT 0xC5u
      #define PAINTED_BYTES \(paintedBytes)u
      /* Without what tells it, the stack pointer is taken to be near a variable. */
      #ifndef RUNNER_STACK_POINTER
      #define RUNNER_STACK_POINTER(to) do { volatile uint8_t near; (to) = (uintptr_t)&near; } while (0)
      #endif

      static int8_t arena[\(macro)_ARENA_SIZE] __attribute__((aligned(\(macro)_ARENA_ALIGNMENT)));

      static void get(void *to, uint32_t bytes) {
        if (!runner_read(to, bytes)) runner_exit(\(DeviceDriver.Status.input));
      }
      static void put(const void *from, uint32_t bytes) {
        if (!runner_write(from, bytes)) runner_exit(\(DeviceDriver.Status.output));
      }
      static void put_number(uint32_t number) {
        const uint8_t bytes[4] = {
          (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
        put(bytes, 4);
      }
      static void expect(\(name)_status status) {
        if (status != \(macro)_OK) runner_exit(\(DeviceDriver.Status.refused));
      }
      static void prepare(void) {
      \(ports(portNames.inputs, program.inputs, "get"))}

      /* Paints what lies below `top` and is not in use. */
      __attribute__((noinline)) static void paint(uintptr_t top) {
        uintptr_t here;
        RUNNER_STACK_POINTER(here);
        for (uintptr_t at = top - PAINTED_BYTES; at < here; at++) *(volatile uint8_t *)at = PAINT;
      }
      /* The bytes between `top` and the lowest that is no longer as it was painted. */
      __attribute__((noinline)) static uint32_t used(uintptr_t top) {
        uintptr_t at = top - PAINTED_BYTES;
        while (at < top && *(volatile uint8_t *)at == PAINT) at++;
        return (uint32_t)(top - at);
      }
      \(hasClock ? clock : "")
      int main(void) {
        uintptr_t top;
        prepare();
        RUNNER_STACK_POINTER(top);
        paint(top);
        const \(name)_status status = \(name)_run(arena, \(macro)_ARENA_SIZE);
        put_number(used(top));
        expect(status);
      \(ports(portNames.outputs, program.outputs, "put"))\(hasClock ? "  time_runs();\n" : "")  runner_exit(0);
      }

      """
  }

  /// What the program reads: the inputs of every run.
  func inputs(_ vector: [[Int32]]) -> [UInt8] {
    let trace = Trace(of: program)
    var bytes: [UInt8] = []
    for _ in 0..<runs {
      for (position, input) in program.inputs.enumerated() { trace.append(vector[position], input, &bytes) }
    }
    return bytes
  }

  /// What it wrote.
  struct Measured {
    var stackBytes: Int
    var outputs: [UInt8]
    /// Cycles: of a run, and of each step, where there is a clock.
    var total: Int?
    var steps: [Int] = []
  }

  /// Nil where the bytes are too few or too many.
  func measured(_ bytes: [UInt8]) -> Measured? {
    let outputs = program.outputs.reduce(0) { $0 + program.values[$1].count * program.values[$1].bytesPerCode }
    let count = hasClock ? 2 + program.steps.count : 0
    guard bytes.count == 4 + outputs + 4 * count else { return nil }
    func number(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) } }
    var result = Measured(stackBytes: number(0), outputs: Array(bytes[4..<4 + outputs]))
    guard hasClock else { return result }
    let numbers = (0..<count).map { number(4 + outputs + 4 * $0) }
    result.total = numbers[0]
    // The clock itself takes time, which an observation of nothing shows.
    result.steps = numbers[2...].map { max(0, $0 - numbers[1]) }
    return result
  }
}
