import Foundation
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting
@testable import Profiling

/// Counters against programs whose instructions and cycles are known.
struct CountingTests {
  /// Two steps, of 2,000,000 instructions in a loop and of as many nops as a helper that both call has.
  private static let loops = """
    #include "runner.h"
    #define ASM __attribute__((naked, noinline))
    ASM void helper(void) { __asm__ volatile("nop\\n nop\\n nop\\n nop\\n nop\\n nop\\n nop\\n bx lr"); }
    ASM void step_0(void) {
      __asm__ volatile(
        ".syntax unified\\n push {r4, lr}\\n ldr r4, =1000000\\n 1: subs r4, r4, #1\\n bne 1b\\n"
        "bl helper\\n bl helper\\n pop {r4, pc}\\n .ltorg");
    }
    ASM void step_1(void) { __asm__ volatile(".syntax unified\\n push {r4, lr}\\n bl helper\\n pop {r4, pc}"); }
    ASM void net_run(void) { __asm__ volatile("push {r4, lr}\\n bl step_0\\n bl step_1\\n pop {r4, pc}"); }
    int main(void) {
      for (volatile int i = 0; i < 1000; i++) {}
      net_run();
      runner_exit(0);
    }
    """

  @Test(
    "a loop of 2,000,000 instructions counts as such, and helpers for who calls them",
    .enabled(if: DeviceProgram.missing("cortex-m4") == nil, "skipped: Arm's compiler, QEMU or cc is not installed"),
    arguments: ["cortex-m4", "cortex-m0plus", "cortex-m55"])
  func aKnownLoopCountsExactly(_ target: String) throws {
    try DeviceProgram.with(Self.loops, on: target) { program, linked in
      let counts = try program.counts(of: linked, run: "net_run", steps: ["step_0", "step_1"])
      // push, ldr, the loop, two calls of eight instructions, pop.
      #expect(counts.map(\.instructions) == [2 + 2_000_000 + 2 * 9 + 1, 1 + 9 + 1, 4])
      let bound = StackBound(of: "net_run", in: linked, frames: [:])
      #expect(bound.bytes == 16 && bound.path == ["net_run", "step_0"], "\(bound)")
      #expect(bound.reached == ["net_run", "step_0", "step_1", "helper"])
    }
  }

  @Test(
    "cycles follow the core's table",
    .enabled(if: DeviceProgram.missing("cortex-m4") == nil, "skipped: Arm's compiler, QEMU or cc is not installed"),
    arguments: [
      // A round is 1 + 1 + P; the last is not taken. push 1 + 2, ldr 2, calls 1 + P or 3, helpers 7 + 1 + P or 7 + 2, pop.
      ("cortex-m4", 3 + 2 + (4_000_000 - 2) + 2 * (3 + 10) + 5),
      ("cortex-m0plus", 3 + 2 + (3_000_000 - 1) + 2 * (3 + 9) + 5),
    ])
  func cyclesFollowTheTable(_ target: String, _ cycles: Int) throws {
    try DeviceProgram.with(Self.loops, on: target) { program, linked in
      let counts = try program.counts(of: linked, run: "net_run", steps: ["step_0", "step_1"])
      #expect(counts[0].estimatedCycles == cycles)
    }
  }

  @Test(
    "what is not seen to begin is an error",
    .enabled(if: DeviceProgram.missing("cortex-m4") == nil, "skipped: Arm's compiler, QEMU or cc is not installed"))
  func aStepThatIsNotSeenIsAnError() throws {
    try DeviceProgram.with(Self.loops, on: "cortex-m4") { program, linked in
      #expect(throws: ProfileError.self) {
        try program.counts(of: linked, run: "net_run", steps: ["step_1", "step_0", "step_1"])
      }
    }
  }

  @Test(
    "steps that the compiler made one function are told apart",
    .enabled(if: DeviceProgram.missing("cortex-m4") == nil, "skipped: Arm's compiler, QEMU or cc is not installed"))
  func mergedStepsAreToldApart() throws {
    let source = Self.loops.replacing("bl step_1", with: "bl step_0")
    try DeviceProgram.with(source, on: "cortex-m4") { program, linked in
      let counts = try program.counts(of: linked, run: "net_run", steps: ["step_0", "gone"])
      #expect(counts[0].instructions == counts[1].instructions && counts[2].instructions == 4)
    }
  }

  @Test(
    "a delay of 2,000,000 cycles reads as such on AVR",
    .enabled(if: DeviceProgram.missing("avr") == nil, "skipped: avr-gcc or simavr is not installed"))
  func aKnownDelayReadsExactly() throws {
    let source = """
      #include "runner.h"
      int main(void) {
        runner_start_clock();
        uint32_t start = runner_clock();
        const uint32_t reading = runner_clock() - start;
        start = runner_clock();
        __builtin_avr_delay_cycles(2000000);
        const uint32_t delay = runner_clock() - start - reading;
        runner_write(&delay, 4);
        runner_exit(0);
      }
      """
    let bytes = try DeviceProgram.with(source, on: "avr") { program, _ in try program.run() }
    #expect(bytes.count == 4)
    // An overflow may fall between a reading's two halves.
    let cycles = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect((1_999_990...2_000_010).contains(cycles), "\(cycles)")
  }
}
