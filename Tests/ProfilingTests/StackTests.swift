import Foundation
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting
@testable import Profiling

/// Bounds on the stack, of programs whose stack is known.
@Suite(.enabled(if: DeviceProgram.missing("cortex-m4") == nil, "skipped: Arm's compiler, QEMU or cc is not installed"))
struct StackTests {
  private func bound(_ source: String, on target: String = "cortex-m4") throws -> StackBound {
    try DeviceProgram.with(
      "#include \"runner.h\"\n#define ASM __attribute__((naked, noinline))\n\(source)\n"
        + "int main(void) { net_run(1); runner_exit(0); }\n", on: target, flags: ["-fno-inline"]
    ) { _, linked in StackBound(of: "net_run", in: linked, frames: [:]) }
  }

  @Test func assemblyIsFollowedAlongItsPaths() throws {
    let found = try bound(
      """
      ASM void leaf(void) { __asm__ volatile("sub sp, #40\\n add sp, #40\\n bx lr"); }
      ASM void net_run(int x) {
        __asm__ volatile(
          ".syntax unified\\n push {r4, r5, lr}\\n 1: push {r0-r3}\\n subs r0, #1\\n pop {r0-r3}\\n bne 1b\\n cmp r0, #0\\n"
          "beq 2f\\n bl leaf\\n 2: pop {r4, r5, pc}");
      }
      """)
    #expect(found.bytes == 12 + 40 && found.path == ["net_run", "leaf"], "\(found)")
  }

  @Test func aLoopThatLowersTheStackHasNoBound() throws {
    let found = try bound(
      """
      ASM void net_run(int x) {
        __asm__ volatile(
          ".syntax unified\\n mov r3, sp\\n 1: push {r0}\\n subs r0, #1\\n bne 1b\\n 2: pop {r0}\\n cmp sp, r3\\n bne 2b\\n bx lr");
      }
      """)
    #expect(found.bytes == nil && found.obstacle?.contains("net_run is in assembly") == true, "\(found)")
  }

  @Test func recursionAndPointersHaveNoBound() throws {
    let recursion = try bound(
      "static volatile int n; __attribute__((noinline)) void net_run(int x) { n++; if (n < x) net_run(x); n++; }")
    #expect(recursion.obstacle == "net_run calls itself", "\(recursion)")
    let pointer = try bound(
      "static void (*volatile f)(void); static volatile int n; __attribute__((noinline)) void net_run(int x) { n = x; f(); n++; }")
    #expect(pointer.obstacle == "net_run calls what a register names", "\(pointer)")
  }

  /// Whose instructions are followed without the compiler's figures comes to the same as with them.
  @Test(
    arguments: ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55", "rv32imac"]
      .filter { DeviceProgram.missing($0) == nil })
  func theCompilersFiguresAreThoseOfTheInstructions(_ target: String) throws {
    let source = """
      #include "runner.h"
      static volatile int64_t a, b;
      static __attribute__((noinline)) int64_t divided(int64_t x, int64_t y) { return x * y + (x >> (y & 7)); }
      static __attribute__((noinline)) int buffered(int x) {
        volatile int many[60];
        for (int i = 0; i < 60; i++) many[i] = x + i;
        return many[x & 31] + (int)divided(a, b);
      }
      __attribute__((noinline)) int net_run(int x) { return buffered(x) + buffered(x + 1); }
      int main(void) { a = net_run(3); runner_exit(0); }
      """
    try DeviceProgram.with(source, on: target, flags: ["-fstack-usage"]) { program, linked in
      let files = try FileManager.default.contentsOfDirectory(atPath: program.folder.path)
        .filter { $0.hasSuffix("main.su") }
      let text = String(decoding: try Data(contentsOf: program.folder.appending(path: try #require(files.first))), as: UTF8.self)
      let frames = StackFrame.parse(text)
      #expect(frames["buffered"]?.isFixed == true)
      let told = StackBound(of: "net_run", in: linked, frames: frames)
      let read = StackBound(of: "net_run", in: linked, frames: [:])
      #expect(told.bytes != nil && told.bytes == read.bytes && told.path.last != "net_run", "\(told) \(read)")
    }
  }
}
