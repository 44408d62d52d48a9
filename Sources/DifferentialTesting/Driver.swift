import CodeGeneration
import IntegerProgram
import Simulation

/// The C program that runs generated code on vectors from its standard input and writes a trace of each to its standard
/// output. The arena is filled with noise before every run, so code that reads what it has not written is found out.
enum Driver {
  static func source(for program: IntegerProgram, names: CNames) -> String {
    let (name, macro) = (names.prefix, names.macro)
    let ports = PortNames(program, names)
    var fill = ""
    var total = "0u"
    for (index, input) in program.inputs.enumerated() {
      let width = program.values[input].bytesPerCode
      let port = ports.inputs[index]
      fill += "  memcpy(&arena[\(port)_OFFSET], &inputs[\(total)], \(port)_COUNT * \(width)u);\n"
      total += " + \(port)_COUNT * \(width)u"
    }
    let calls = DriverCalls(program, names, arena: "arena")
    let outputs = DriverCalls.transfers("put", ports.outputs, program.outputs, of: program, arena: "arena")
    return """
      #define _POSIX_C_SOURCE 200112L
      #include <stdint.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include "\(name).h"

      static int8_t *arena;
      static int8_t inputs[\(total)];

      static void get(void *to, uint32_t bytes) {
        if (fread(to, 1, bytes, stdin) != bytes) exit(6);
      }
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
      static void expect_run(\(name)_status status) {
        if (status != \(macro)_OK) exit(2);
      }
      \(calls.definition)
      int main(void) {
        uint32_t vectors = 0;
        /* Aligned, and ending where the allocation ends: the address sanitizer sees one byte too far. */
        void *memory = NULL;
        const size_t alignment = \(macro)_ARENA_ALIGNMENT < sizeof(void *) ? sizeof(void *) : \(macro)_ARENA_ALIGNMENT;
        if (posix_memalign(&memory, alignment, \(macro)_ARENA_SIZE) != 0) return 5;
        arena = memory;
        get(&vectors, sizeof vectors);
        for (uint32_t vector = 0; vector < vectors; vector++) {
          get(inputs, sizeof inputs);
          prepare(0xA5);
          expect_run(\(name)_run_observed(arena, \(macro)_ARENA_SIZE, observe, &arena));
          prepare(0x5A);
          expect_run(\(name)_run(arena, \(macro)_ARENA_SIZE));
      \(outputs)  }
      \(calls.invocation)  return fflush(stdout) == 0 ? 0 : 3;
      }

      """
  }

  /// The inputs of vectors as the program takes them: their number, those of each, and what `DriverCalls` takes.
  static func inputs(_ vectors: ArraySlice<[[Int32]]>, of program: IntegerProgram, trace: Trace) -> [UInt8] {
    var bytes = littleEndian(vectors.count)
    for vector in vectors {
      for (position, input) in program.inputs.enumerated() { trace.append(vector[position], input, &bytes) }
    }
    return bytes + DriverCalls.inputs(vectors, of: program, trace: trace)
  }

  static func littleEndian(_ count: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } }
}

/// C that runs a program with states on the vectors once more, as calls in a row from the initial states on. What lies
/// behind the states in the arena is filled with noise before every call, as others may use it between runs.
struct DriverCalls {
  /// A function, and its call, which takes the number in `vectors`. Both are empty for a program without states.
  let definition, invocation: String

  /// `arena` is the expression for the arena's first byte.
  init(_ program: IntegerProgram, _ names: CNames, arena: String) {
    guard !program.states.isEmpty else {
      (definition, invocation) = ("", "")
      return
    }
    let (name, macro) = (names.prefix, names.macro)
    let ports = PortNames(program, names)
    func lines(_ call: String, _ ports: [String], _ values: [Int]) -> String {
      Self.transfers(call, ports, values, of: program, arena: arena)
    }
    definition = """
      static void call_in_a_row(uint32_t calls) {
        for (uint32_t i = 0; i < \(macro)_ARENA_SIZE; i++) \(arena)[i] = 0x5A;
        expect_run(\(name)_reset(\(arena), \(macro)_ARENA_SIZE));
        for (; calls > 0; calls--) {
          for (uint32_t i = \(macro)_STATE_SIZE; i < \(macro)_ARENA_SIZE; i++) \(arena)[i] = 0x33;
      \(lines("get", ports.inputs, Array(program.callInputs)))\
          expect_run(\(name)_run(\(arena), \(macro)_ARENA_SIZE));
      \(lines("put", ports.outputs, program.outputs))  }
      }

      """
    invocation = "  call_in_a_row(vectors);\n"
  }

  /// A call of `call`, get or put, for each port, whose values are codes in the arena.
  static func transfers(
    _ call: String, _ ports: [String], _ values: [Int], of program: IntegerProgram, arena: String
  ) -> String {
    zip(ports, values).map { port, value in
      "    \(call)(&\(arena)[\(port)_OFFSET], \(port)_COUNT * \(program.values[value].bytesPerCode)u);\n"
    }.joined()
  }

  /// The inputs that the caller gives, of all vectors.
  static func inputs(_ vectors: ArraySlice<[[Int32]]>, of program: IntegerProgram, trace: Trace) -> [UInt8] {
    var bytes: [UInt8] = []
    guard !program.states.isEmpty else { return bytes }
    for vector in vectors {
      for (position, input) in program.callInputs.enumerated() { trace.append(vector[position], input, &bytes) }
    }
    return bytes
  }

  /// What the program writes: the outputs of each call and the states that it leaves.
  static func expected(
    _ simulator: Simulator, _ vectors: ArraySlice<[[Int32]]>, trace: Trace
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let program = simulator.program
    guard !program.states.isEmpty else { return bytes }
    var calls = CallSequence(simulator)
    for vector in vectors {
      let outputs = try calls.call(Array(vector.prefix(program.callInputs.count)))
      for (codes, value) in zip(outputs + calls.states, program.outputs) { trace.append(codes, value, &bytes) }
    }
    return bytes
  }
}
