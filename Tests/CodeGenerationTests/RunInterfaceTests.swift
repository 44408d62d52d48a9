import DifferentialTesting
import IntegerProgram
import Network
import Testing

@testable import CodeGeneration

/// Calling a generated network: what it says of its arena, how often it may run at once, and how it is built.
@Suite(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed")) struct RunInterfaceTests {
  @Test(arguments: [1, 4, 64]) func theStatusTellsWhatIsWrongWithTheArena(_ alignment: Int) throws {
    let project = try GeneratedProject(Place.program(Place.digits), alignment: alignment)
    try project.folder.write(
      """
      #include "digits.h"
      #include <string.h>
      static int8_t memory[DIGITS_ARENA_SIZE + 256u];
      static uint32_t observed;
      static void observe(void *context, uint32_t step, const int8_t *codes, uint32_t bytes) {
        if ((context != &observed) || (step != observed) || (codes == (const int8_t *)0) || (bytes == 0u)) observed += 1000u;
        observed++;
      }
      static int untouched(void) {
        uint32_t i;
        for (i = 0u; i < sizeof memory; i++) { if (memory[i] != 0x55) return 0; }
        return 1;
      }
      /* Both ways to run; neither may touch the arena or call the observer unless it runs. */
      static int check(int8_t *arena, uint32_t size, digits_status expected) {
        digits_status plain, watched;
        memset(memory, 0x55, sizeof memory);
        observed = 0u;
        plain = digits_run(arena, size);
        if ((expected != DIGITS_OK) && !untouched()) return 0;
        watched = digits_run_observed(arena, size, observe, &observed);
        if ((expected != DIGITS_OK) && (!untouched() || (observed != 0u))) return 0;
        if ((expected == DIGITS_OK) && (observed != DIGITS_STEP_COUNT)) return 0;
        return (plain == expected) && (watched == expected);
      }
      int main(void) {
        int8_t *arena = memory;
        uint32_t offset;
        while (((uintptr_t)arena % 64u) != 0u) arena++;
        if (!check((int8_t *)0, DIGITS_ARENA_SIZE, DIGITS_BAD_ARENA)) return 1;
        if (!check((int8_t *)0, 0u, DIGITS_BAD_ARENA)) return 2;
        for (offset = 0u; offset < 65u; offset++) {
          const int aligned = (offset % \(alignment)u) == 0u;
          if (!check(&arena[offset], DIGITS_ARENA_SIZE, aligned ? DIGITS_OK : DIGITS_BAD_ARENA)) return 3;
        }
        if (!check(arena, 0u, DIGITS_ARENA_TOO_SMALL)) return 4;
        if (!check(arena, DIGITS_ARENA_SIZE - 1u, DIGITS_ARENA_TOO_SMALL)) return 5;
        if (!check(arena, DIGITS_ARENA_SIZE + 1u, DIGITS_OK)) return 6;
        if (!check(arena, 0xFFFFFFFFu, DIGITS_OK)) return 7;
        return (DIGITS_ARENA_ALIGNMENT == \(alignment)u) ? 0 : 8;
      }

      """, "main.c")
    try project.build(
      project.sources + ["main.c"], flags: GeneratedProject.strict + ["-O1", "-fsanitize=undefined,address", "-g"])
    let run = try Tool.run("./program", [], in: project.folder)
    #expect(run.status == 0, "\(run.report)")
  }

  /// A run reads and writes its arena and nothing beside it.
  @Test func nothingBesideTheArenaIsTouched() throws {
    let project = try GeneratedProject(Place.program(Place.digits))
    try project.folder.write(
      """
      #include "digits.h"
      #include <string.h>
      static union { int8_t codes[DIGITS_ARENA_SIZE + 512u]; int64_t aligned; } memory;
      int main(void) {
        uint32_t i;
        memset(memory.codes, 0x33, sizeof memory.codes);
        if (digits_run(&memory.codes[256], DIGITS_ARENA_SIZE) != DIGITS_OK) return 1;
        for (i = 0u; i < 256u; i++) {
          if ((memory.codes[i] != 0x33) || (memory.codes[256u + DIGITS_ARENA_SIZE + i] != 0x33)) return 2;
        }
        return 0;
      }

      """, "main.c")
    try project.build(project.sources + ["main.c"])
    #expect(try Tool.run("./program", [], in: project.folder).status == 0)
  }

  /// While one run is at each of its steps, another runs from start to end, in an arena of its own.
  @Test func runsInTwoArenasDoNotDisturbEachOther() throws {
    let folder = try TemporaryFolder()
    let project = try GeneratedProject(Place.program(Place.digits), in: folder)
    try folder.write(
      """
      #include "digits.h"
      #include <stdlib.h>
      #include <string.h>
      typedef union { int8_t codes[DIGITS_ARENA_SIZE]; int64_t aligned; } arena_type;
      static arena_type outer, inner;
      static int8_t alone[2][DIGITS_OUTPUT_COUNT];
      static uint32_t nested;
      static void prepare(arena_type *arena, uint32_t seed) {
        uint32_t i;
        memset(arena->codes, (int)seed, sizeof arena->codes);
        for (i = 0u; i < DIGITS_INPUT_COUNT; i++) {
          seed = (seed * 1664525u) + 1013904223u;
          arena->codes[DIGITS_INPUT_OFFSET + i] = (int8_t)((int)(seed >> 24) - 128);
        }
      }
      static int is_right(const arena_type *arena, int which) {
        return memcmp(&arena->codes[DIGITS_OUTPUT_OFFSET], alone[which], DIGITS_OUTPUT_COUNT) == 0;
      }
      static void run_inside(void *context, uint32_t step, const int8_t *codes, uint32_t bytes) {
        (void)context; (void)step; (void)codes; (void)bytes;
        prepare(&inner, 2u);
        if ((digits_run(inner.codes, sizeof inner.codes) != DIGITS_OK) || !is_right(&inner, 1)) exit(9);
        nested++;
      }
      int main(void) {
        prepare(&outer, 1u);
        if (digits_run(outer.codes, sizeof outer.codes) != DIGITS_OK) return 1;
        memcpy(alone[0], &outer.codes[DIGITS_OUTPUT_OFFSET], DIGITS_OUTPUT_COUNT);
        prepare(&inner, 2u);
        if (digits_run(inner.codes, sizeof inner.codes) != DIGITS_OK) return 2;
        memcpy(alone[1], &inner.codes[DIGITS_OUTPUT_OFFSET], DIGITS_OUTPUT_COUNT);
        if (memcmp(alone[0], alone[1], DIGITS_OUTPUT_COUNT) == 0) return 3;
        prepare(&outer, 1u);
        if (digits_run_observed(outer.codes, sizeof outer.codes, run_inside, (void *)0) != DIGITS_OK) return 4;
        return ((nested == DIGITS_STEP_COUNT) && is_right(&outer, 0)) ? 0 : 5;
      }

      """, "main.c")
    try project.build(project.sources + ["main.c"])
    #expect(try Tool.run("./program", [], in: folder).status == 0)
  }

  /// To a device, what is only given back as real numbers is already there.
  @Test(arguments: Tool.compilers) func aNetworkThatComputesNothingCompilesAndRuns(_ compiler: String) throws {
    let network = Network(
      name: "empty",
      tensors: [
        Tensor(
          name: "x", shape: [1, 4], type: .int8, quantization: Quantization(scales: [0.5], zeroPoints: [0])),
        Tensor(name: "y", shape: [1, 4], type: .float32),
      ], operations: [Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [0], outputs: [1])], inputs: [0],
      outputs: [1])
    let project = try GeneratedProject(IntegerProgram(lowering: network))
    try project.build(
      project.allSources, compiler: compiler, flags: GeneratedProject.strict + ["-O1", "-DEMPTY_SELFTEST_MAIN"])
    let run = try Tool.run("./program", [], in: project.folder)
    #expect(run.status == 0 && run.text.hasPrefix("PASS empty"), "\(run.report)")
  }

  @Test(.enabled(if: Tool.exists("cmake"), "skipped: cmake is not installed"))
  func theCMakeProjectBuildsAndTestsItself() throws {
    let project = try GeneratedProject(Place.program(Place.digits))
    try Tool.check("cmake", ["-B", "build"], in: project.folder)
    try Tool.check("cmake", ["--build", "build"], in: project.folder)
    let test = try Tool.check("ctest", ["--test-dir", "build"], in: project.folder)
    #expect(test.text.contains("100% tests passed") && test.text.contains("digits_selftest"))
  }

  @Test(.enabled(if: Tool.exists("cmake"), "skipped: cmake is not installed"))
  func aCMakeProjectOfTheUsersCanAddSeveralNetworks() throws {
    let folder = try TemporaryFolder()
    let prefixes = ["one", "two"]
    for (program, prefix) in zip(RandomProgram.first(2, from: 20), prefixes) {
      let project = try GeneratedProject(program, names: #require(CNames(prefix: prefix)))
      try Tool.check("cp", ["-r", project.folder.url.path, folder.url.appending(path: prefix).path], in: folder)
    }
    try folder.write(
      """
      cmake_minimum_required(VERSION 3.13)
      project(app C)
      add_subdirectory(one)
      add_subdirectory(two)
      add_executable(app app.c)
      target_link_libraries(app PRIVATE one two)

      """, "CMakeLists.txt")
    try folder.write(
      """
      #include <one.h>
      #include <two.h>
      int main(void) { return (one_run(0, 0u) == ONE_BAD_ARENA) && (two_run(0, 0u) == TWO_BAD_ARENA) ? 0 : 1; }

      """, "app.c")
    try Tool.check("cmake", ["-B", "build"], in: folder)
    try Tool.check("cmake", ["--build", "build"], in: folder)
    #expect(try Tool.run("./build/app", [], in: folder).status == 0)
  }
}
