/// The programs that packages show a network's use by.
enum Example: String, CaseIterable {
  /// Runs the self-test and says what came of it.
  case selfTest
  /// Runs the network once and prints the output codes.
  case inference

  /// SelfTest, as Arduino's sketches are called.
  var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
  /// selftest, as the folders of others are called.
  var folder: String { rawValue.lowercased() }
}

extension CodeGenerator {
  func examples(hasSelfTest: Bool) -> [Example] { Example.allCases.filter { hasSelfTest || $0 != .selfTest } }

  /// An example as a C program.
  func program(_ example: Example) -> String {
    var text = exampleHead(example, file: "main.c")
    text.line("#include <stdio.h>")
    text.line()
    arena(&text)
    text.block("int main(void)") { text in
      switch example {
      case .selfTest:
        runSelfTest(.printf, &text)
        text.line("return (failed == 0u) ? 0 : 1;")
      case .inference:
        infer(.printf, &text)
        text.line("return (status == \(options.names.macro)_OK) ? 0 : 1;")
      }
    }
    return text.text
  }

  /// An example as an Arduino sketch.
  func sketch(_ example: Example) -> String {
    var text = exampleHead(example, file: "\(example.title).ino")
    text.line()
    arena(&text)
    text.block("void setup()") { text in
      text.line("Serial.begin(115200);")
      text.comment("Boards whose serial port is USB wait here until it is opened.")
      text.block("while (!Serial)") { _ in }
      if example == .selfTest { runSelfTest(.serial, &text) }
    }
    text.line()
    text.block("void loop()") { text in
      if example == .inference {
        infer(.serial, &text)
        text.line("delay(1000);")
      }
    }
    return text.text
  }

  private func exampleHead(_ example: Example, file: String) -> CText {
    let name = options.names.prefix
    let what =
      switch example {
      case .selfTest: "holds \(name) on this device to the simulator"
      case .inference: "one inference of \(name)"
      }
    var text = banner("\(file): \(what).", use: "an example to copy and change")
    text.line("#include <\(name).h>")
    return text
  }

  private func arena(_ text: inout CText) {
    let macro = options.names.macro
    text.comment("The memory a run works in, inputs and outputs included.")
    text.line("static int8_t arena[\(macro)_ARENA_SIZE] __attribute__((aligned(\(macro)_ARENA_ALIGNMENT)));")
    text.line()
  }

  /// Sets the inputs, runs the network and prints the outputs; leaves the result in `status`.
  private func infer(_ console: Console, _ text: inout CText) {
    let (name, macro) = (options.names.prefix, options.names.macro)
    for port in inputs {
      let range = port.value.range
      text.comment(
        "Your data go here: a value v as the code v / \(port.macro)_SCALE + \(port.macro)_ZERO_POINT, rounded, at least "
          + "\(range.lowerBound) and at most \(range.upperBound). Here all values are 0.")
      text.line(pointer(port.name, to: port))
      text.block("for (uint32_t i = 0u; i < \(port.macro)_COUNT; i++)") {
        $0.line("\(port.name)[i] = \(port.macro)_ZERO_POINT;")
      }
    }
    text.line("const \(name)_status status = \(name)_run(arena, \(macro)_ARENA_SIZE);")
    text.block("if (status == \(macro)_OK)") { text in
      for port in outputs {
        text.comment("A code c stands for \(port.macro)_SCALE * (c - \(port.macro)_ZERO_POINT).")
        text.line(pointer(port.name, to: port, isConstant: true))
        text.block("for (uint32_t i = 0u; i < \(port.macro)_COUNT; i++)") {
          $0.lines(
            console.print([.text("\(port.name)["), .unsigned("i"), .text("] = "), .signed("\(port.name)[i]")]))
        }
      }
    }
    text.block("else") { $0.lines(console.print([.text("\(name)_run gave status "), .signed("status")])) }
  }
}
