import DifferentialTesting
import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration

/// The replay of memory plans is worth what its order of accesses is worth, so that is held to the generated C's own:
/// compiled as C++ with a type for codes that notes every read and write.
@Suite struct KernelAccessTests {
  /// Every value in a place of its own, so that an address says what it holds.
  private static func spread(_ plan: MemoryPlan) -> MemoryPlan {
    var plan = plan
    plan.arenaSize = 0
    for index in plan.blocks.indices {
      plan.blocks[index].offset = plan.arenaSize
      plan.arenaSize += plan.blocks[index].size
    }
    return plan
  }

  /// Accesses to the arena as numbers: twice the address, one more for a write.
  private struct Notes: AccessVisitor {
    let plan: MemoryPlan
    var step = 0
    var list: [UInt32] = []

    mutating func note(_ block: Int?, _ element: Int, _ isWrite: UInt32) {
      if let block { list.append(UInt32(plan.blocks[block].offset + element) << 1 | isWrite) }
    }
    mutating func read(_ value: Int, _ element: Int) { note(plan.blockOfValue[value], element, 0) }
    mutating func write(_ value: Int, _ element: Int) { note(plan.blockOfValue[value], element, 1) }
    mutating func readScratch(_ element: Int) { note(plan.scratchOfStep[step], element, 0) }
    mutating func writeScratch(_ element: Int) { note(plan.scratchOfStep[step], element, 1) }
  }
  /// What the C++ program notes at the end of a step.
  private static let end = UInt32.max

  /// The writes in their order, each after the set of what was read since the one before: which of several operands is
  /// read first, and how often, is the compiler's business and that of the data.
  private static func normalized(_ notes: some Sequence<UInt32>) -> [UInt32] {
    var (result, reads): ([UInt32], [UInt32]) = ([], [])
    for note in notes {
      if note & 1 == 0 {
        reads.append(note)
        continue
      }
      reads.sort()
      for (index, read) in reads.enumerated() where index == 0 || reads[index - 1] != read { result.append(read) }
      reads.removeAll(keepingCapacity: true)
      result.append(note)
    }
    return result
  }

  private static let noting = """
    #include <stdint.h>
    #include <stdio.h>
    static const char *arena_start, *arena_end;
    static FILE *notes;
    static void put(uint32_t note) { (void)fwrite(&note, sizeof note, 1, notes); }
    static void note(const void *place, uint32_t is_write) {
      const char *const address = (const char *)place;
      if (address >= arena_start && address < arena_end) put((uint32_t)(address - arena_start) << 1 | is_write);
    }
    template <class T> struct Code {
      T code;
      Code() : code(0) {}
      Code(int32_t value) : code((T)value) {}
      Code(const Code &other) : code(other.code) { note(&other, 0); }
      operator int32_t() const { note(this, 0); return code; }
      Code &operator=(const Code &other) {
        note(&other, 0);
        code = other.code;
        note(this, 1);
        return *this;
      }
    };
    #define int8_t Code<signed char>
    #define uint8_t Code<unsigned char>
    static void end_step(void *, uint32_t, const int8_t *, uint32_t) { put(UINT32_MAX); }

    """

  @Test(.enabled(if: Tool.cppCompiler != nil, "skipped: no C++ compiler is installed"))
  func theReplayedOrderOfAccessesIsThatOfTheGeneratedCode() throws {
    let compiler = try #require(Tool.cppCompiler)
    // What is noted are accesses to bytes.
    let programs = RandomProgram.first(48, from: 1).filter { $0.values.allSatisfy { $0.type.bits <= 8 } }
    let folder = try TemporaryFolder()
    var text = Self.noting
    var calls = ""
    var plans: [MemoryPlan] = []
    for (index, program) in programs.enumerated() {
      let names = try #require(CNames(prefix: "net\(index)"))
      let plan = Self.spread(MemoryPlan(program))
      let project = try GeneratedProject(program, names: names, plan: plan, in: folder)
      plans.append(plan)
      text += "#include \"\(project.prefix).c\"\nstatic int8_t arena\(index)[\(project.macro)_ARENA_SIZE + 4];\n"
      calls += """
          notes = fopen("notes\(index)", "wb");
          arena_start = (const char *)arena\(index);
          while ((uintptr_t)arena_start % 4 != 0) arena_start++;
          arena_end = arena_start + \(project.macro)_ARENA_SIZE;
          if (\(project.prefix)_run_observed((int8_t *)arena_start, \(project.macro)_ARENA_SIZE, end_step, 0) != 0) return 1;
          if (fclose(notes) != 0) return 2;

        """
    }
    try folder.write(text + "int main() {\n\(calls)  return 0;\n}\n", "trace.cpp")
    let weights = programs.indices.map { "net\($0)_weights.c" }
    let cCompiler = try #require(Tool.compilers.first)
    try Tool.check(cCompiler, ["-c"] + weights, in: folder)
    try Tool.check(
      compiler, ["-x", "c++", "-std=c++11", "-O1", "-fno-exceptions", "-fno-rtti", "-c", "trace.cpp"], in: folder)
    try Tool.check(
      cCompiler, ["trace.o"] + programs.indices.map { "net\($0)_weights.o" } + ["-o", "trace"], in: folder)
    try Tool.check("./trace", [], in: folder)

    var kinds: Set<String> = []
    for (index, program) in programs.enumerated() {
      let found = try Data(contentsOf: folder.url.appending(path: "notes\(index)")).withUnsafeBytes {
        $0.bindMemory(to: UInt32.self).split(separator: Self.end, omittingEmptySubsequences: false).map(Array.init)
      }
      try #require(found.count == program.steps.count + 1)
      for (number, step) in program.steps.enumerated() {
        var told = Notes(plan: plans[index], step: number)
        if !program.isAlias(step) { KernelAccesses(program: program).visit(step: number, &told) }
        #expect(Self.normalized(found[number]) == Self.normalized(told.list), "network \(index), step \(number): \(step.source)")
        kinds.insert(Self.kind(of: step, in: program))
      }
    }
    #expect(
      kinds.isSuperset(of: [
        "nothing", "convolution", "pointwise", "depthwise", "grouped", "lookup", "combination", "product", "pool", "softmax",
        "move",
      ]), "only \(kinds.sorted()) were tested")
  }

  private static func kind(of step: Step, in program: IntegerProgram) -> String {
    switch step.operation {
    case .affine(let affine):
      affine.isDepthwise ? "depthwise" : affine.groups > 1 ? "grouped" : affine.usesPatch ? "convolution" : "pointwise"
    case .lookup: "lookup"
    case .combine: "combination"
    case .product: "product"
    case .pool: "pool"
    case .softmax: "softmax"
    case .normalize: "normalisation"
    case .signal: "signal"
    case .move: program.isAlias(step) ? "nothing" : "move"
    }
  }
}
