import DifferentialTesting
import Evaluation
import Foundation
import Importers
import IntegerProgram
import Testing

@testable import CodeGeneration

/// NAME_io.h: its codes of real values are the simulator's, its real values the formula's, its classes the verifier's.
@Suite(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed")) struct InputOutputHeaderTests {
  /// What an input or output may hold.
  struct Form: Sendable, CustomStringConvertible {
    var type: CodeType
    var scale: Float
    var zeroPoint: Int32

    var description: String { "\(type), scale \(scale), zero point \(zeroPoint)" }
  }
  private static let forms = [
    Form(type: .int8, scale: 1 / 255, zeroPoint: -128), Form(type: .int8, scale: 0.1, zeroPoint: 127),
    Form(type: .int8, scale: 0.0078125, zeroPoint: 0), Form(type: .int8, scale: 3.4e-12, zeroPoint: 5),
    Form(type: .uint8, scale: 0.017453292, zeroPoint: 128), Form(type: CodeType(bits: 4, isSigned: false), scale: 7, zeroPoint: 3),
    Form(type: CodeType(bits: 1, isSigned: false), scale: 1, zeroPoint: 0),
    Form(type: CodeType(bits: 16, isSigned: true), scale: 3.0517578e-05, zeroPoint: 0),
    Form(type: CodeType(bits: 16, isSigned: false), scale: 0.3333333, zeroPoint: 40000),
  ]

  /// A network that gives back its input.
  private static func identity(_ form: Form, shape: [Int], names: [String] = ["x", "y"]) -> IntegerProgram {
    let value = Value(name: names[0], tensor: 0, shape: shape, type: form.type, scale: form.scale, zeroPoint: form.zeroPoint)
    return IntegerProgram(
      name: "net", values: [value, value],
      steps: [
        Step(
          .move(.identity(count: value.count)), source: Step.Source(index: 0, type: "RESHAPE", name: "y"), inputs: [0], output: 1)
      ], inputs: [0], outputs: [1], inputNames: [names[0]], outputNames: [names[1]])
  }

  /// Around every place where the code changes, at the ends of what a float holds, and anywhere.
  private static func values(_ form: Form) -> [Float] {
    var values: [Float] = [0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
      .leastNonzeroMagnitude, -.leastNormalMagnitude, 2_147_483_648, -2_147_483_904, .nan]
    let range = form.type.range
    let step = max(1, range.count / 512)
    for code in stride(from: Int(range.lowerBound) - 2, through: Int(range.upperBound) + 2, by: step) {
      for half in [0, 0.5] as [Float] {
        let value = (Float(code - Int(form.zeroPoint)) + half) * form.scale
        values += [value, value.nextUp, value.nextDown, value.nextUp.nextUp, value.nextDown.nextDown]
      }
    }
    var random = SplitMix64(seed: 7)
    for _ in 0..<4000 {
      values.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
      let unit = Float(Int32(truncatingIfNeeded: random.next())) / 2_147_483_648
      values.append(unit * form.scale * Float(range.count))
    }
    return values
  }

  private static let builds = [["-O0"], ["-O2"]]

  @Test(arguments: forms) func codesOfRealValuesAreTheSimulators(_ form: Form) throws {
    let values = Self.values(form)
    let project = try GeneratedProject(Self.identity(form, shape: [values.count]))
    // The command refuses what is no finite number; a device must not.
    let numbers = values.filter(\.isFinite)
    let input = try InputArray(
      NumPyArray(numbers, shape: [numbers.count]),
      for: Self.identity(form, shape: [numbers.count]).values[0], path: "x.npy")
    var codes = input.codes(0)[...]
    let expected = values.map { value -> Int32 in
      if value.isFinite { return codes.removeFirst() }
      let range = form.type.range
      return value.isNaN ? form.zeroPoint : Int32(value > 0 ? range.upperBound : range.lowerBound)
    }
    try values.withUnsafeBytes { try Data($0).write(to: project.folder.url.appending(path: "values")) }
    try expected.withUnsafeBytes { try Data($0).write(to: project.folder.url.appending(path: "codes")) }
    try project.folder.write(
      """
      #include "net_io.h"
      #include <stdio.h>
      #define COUNT \(values.count)
      static float values[COUNT], real[COUNT];
      static int32_t codes[COUNT];
      static union { int8_t codes[NET_ARENA_SIZE]; int64_t aligned; } arena;
      int main(void) {
        int i;
        FILE *file = fopen("values", "rb");
        if (!file || (fread(values, sizeof values, 1, file) != 1)) return 1;
        (void)fclose(file);
        file = fopen("codes", "rb");
        if (!file || (fread(codes, sizeof codes, 1, file) != 1)) return 1;
        (void)fclose(file);
        net_set_input(arena.codes, values);
        for (i = 0; i < COUNT; i++) {
          if ((net_quantize_input(values[i]) != codes[i]) || (net_input(arena.codes)[i] != codes[i])) {
            printf("%d: %.9g gives %ld, not %ld\\n", i, (double)values[i], (long)net_quantize_input(values[i]), (long)codes[i]);
            return 2;
          }
        }
        if (net_run(arena.codes, sizeof arena.codes) != NET_OK) return 3;
        net_get_output(arena.codes, real);
        for (i = 0; i < COUNT; i++) {
          const double exact = (double)NET_OUTPUT_SCALE * (double)(codes[i] - NET_OUTPUT_ZERO_POINT);
          if ((real[i] != (float)exact) || (net_output(arena.codes)[i] != codes[i])) return 4;
        }
        return 0;
      }

      """, "main.c")
    for compiler in Tool.compilers {
      for flags in Self.builds {
        try project.build(project.sources + ["main.c"], compiler: compiler, flags: GeneratedProject.strict + flags)
        let run = try Tool.run("./program", [], in: project.folder)
        #expect(run.status == 0, "\(compiler) \(flags): \(run.report)")
      }
    }
  }

  /// Codes that round in no exact way would not be the simulator's.
  @Test func fastMathIsRefused() throws {
    let project = try GeneratedProject(Self.identity(Self.forms[0], shape: [4]))
    try project.folder.write("#include \"net_io.h\"\nextern int nothing;\n", "main.c")
    for compiler in Tool.compilers {
      let run = try Tool.run(compiler, ["-std=c99", "-ffast-math", "-fsyntax-only", "main.c"], in: project.folder)
      #expect(run.status != 0 && run.error.contains("compile without -ffast-math"))
    }
  }

  @Test func theClassIsTheLargestCodeAndTheLowestOfEqualOnes() throws {
    let project = try GeneratedProject(Self.identity(Self.forms[0], shape: [2, 3]))
    try project.folder.write(
      """
      #include "net_io.h"
      int main(void) {
        static const int8_t rows[4][3] = { {1, 2, 2}, {-5, -5, -6}, {0, -1, 127}, {-128, -128, -128} };
        static const uint32_t classes[4] = {1, 0, 2, 0};
        uint32_t i;
        for (i = 0; i < 4; i++) { if (net_argmax_output(rows[i]) != classes[i]) return 1; }
        return 0;
      }

      """, "main.c")
    try project.build(project.sources + ["main.c"])
    #expect(try Tool.run("./program", [], in: project.folder).status == 0)
  }

  /// Names come from files of anybody's; C and C++ must take them and give them back.
  @Test func namesOfTheModelAndOfClassesAreGivenBack() throws {
    let names = ["a\"b\\n??/", "größe\n*/ // /*", "%s", "", "\u{7F}1", String(repeating: "x", count: 200)]
    for (index, name) in names.enumerated() {
      let program = Self.identity(Self.forms[0], shape: [1, names.count], names: [name, "y" + name])
      let generator = CodeGenerator(
        program, plan: MemoryPlan(program),
        options: CodeOptions(
          names: try #require(CNames(prefix: "net")), commandLine: "lockstep compile", modelFile: "m", modelDigest: "",
          classNames: names))
      let folder = try TemporaryFolder()
      for file in generator.files(selfTest: nil) { try folder.write(file.text, file.name) }
      let codes: [UInt8] = (names + [name, "y" + name]).flatMap { Array($0.utf8) + [UInt8(0)] }
      let bytes = codes.map { "\($0)" }.joined(separator: ", ")
      try folder.write(
        """
        #include "net_io.h"
        #include <string.h>
        static const unsigned char expected[] = {\(bytes)};
        int main(void) {
          const unsigned char *next = expected;
          uint32_t i;
          for (i = 0; i < NET_CLASS_COUNT + 2u; i++) {
            const char *name = (i < NET_CLASS_COUNT) ? net_class_name(i) : (i == NET_CLASS_COUNT) ? NET_INPUT_NAME : NET_OUTPUT_NAME;
            if (memcmp(name, next, strlen(name) + 1u) != 0) return (int)i + 1;
            next = &next[strlen(name) + 1u];
          }
          return (next == &expected[sizeof expected]) && (net_class_name(NET_CLASS_COUNT)[0] == 0) ? 0 : 100;
        }

        """, "main.c")
      try Tool.check(Tool.compilers[index % Tool.compilers.count], GeneratedProject.strict + ["main.c", "-o", "program"], in: folder)
      let run = try Tool.run("./program", [], in: folder)
      #expect(run.status == 0, "\(name.debugDescription): \(run.status)")
      if let cpp = Tool.cppCompiler {
        try Tool.check(
          cpp, ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "main.c"], in: folder)
      }
    }
  }

  /// With several inputs or outputs, each has functions and a number of its own.
  @Test func everyInputAndOutputIsServed() throws {
    var several = 0
    let pool = RandomProgram.first(80, from: 300)
    for program in pool.prefix(6) + pool.filter({ $0.inputs.count > 1 || $0.outputs.count > 1 }).prefix(6) {
      let project = try GeneratedProject(program, names: #require(CNames(prefix: "net")))
      let header = try project.text("net_io.h")
      for (role, names) in [("input", program.inputNames), ("output", program.outputNames)] {
        for (index, name) in names.enumerated() {
          let port = names.count == 1 ? role : "\(role)_\(index)"
          #expect(header.contains("#define NET_\(port.uppercased())_NAME \(CodeGenerator.literal(name))\n"))
          #expect(header.contains("net_\(role == "input" ? "set" : "get")_\(port)("))
          if names.count > 1 { #expect(header.contains(" = \(index)\(index == names.count - 1 ? "" : ",")\n")) }
        }
        several += names.count > 1 ? 1 : 0
      }
      try project.folder.write("#include \"net_io.h\"\nextern int nothing;\n", "main.c")
      for compiler in Tool.compilers {
        try Tool.check(compiler, GeneratedProject.strict + ["-fsyntax-only", "main.c"], in: project.folder)
      }
    }
    #expect(several > 2)
  }

  // MARK: The command

  @Test func theCommandReadsClassNamesAndRefusesOthers() throws {
    let folder = try TemporaryFolder()
    let arguments = ["compile", Place.digits.path, "--output", "out", "--class-names"]
    for (text, end) in [((0...9).map { "digit \($0)\n" }.joined(), "\n"), ((0...9).map { "digit \($0)\r\n" }.joined() + "\r\n", "")] {
      try folder.write(text + end, "labels.txt")
      try Tool.check(Place.command.path, arguments + ["labels.txt"], in: folder)
      let header = try folder.read("out/digits_io.h")
      #expect(header.contains("#define DIGITS_CLASS_COUNT 10u\n") && header.contains("\"digit 7\",\n"))
      #expect(header.contains("--class-names labels.txt") && !header.contains("\\015"))
    }
    try folder.write("one\ntwo\n", "labels.txt")
    let short = try Tool.run(Place.command.path, arguments + ["labels.txt"], in: folder)
    #expect(short.status == 65 && short.error.contains("labels.txt: has 2 lines") && short.error.contains("10 classes"))
    let none = try Tool.run(Place.command.path, arguments + ["none.txt"], in: folder)
    #expect(none.status == 65 && none.error.contains("none.txt: there is no such file"))
  }
}
