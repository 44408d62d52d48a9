import Arithmetic
import IntegerProgram
import Network

/// One file of the generated project.
public struct GeneratedFile: Sendable {
  /// With the folders it is in, separated by slashes.
  public var name: String
  public var text: String

  /// `name` is relative to the project's folder.
  public init(name: String, text: String) {
    self.name = name
    self.text = text
  }
}

/// What the generated files say about where they come from, and how they are laid out.
public struct CodeOptions: Sendable {
  public var names: CNames
  /// The command that makes the same files again.
  public var commandLine: String
  /// The model file's name and SHA-256.
  public var modelFile: String
  public var modelDigest: String
  public var target: String
  /// What the arena's address must be a multiple of; at least 1.
  public var alignment: Int
  public var packaging: Packaging
  /// The names of the classes that an output tells apart, in order; none where nobody says.
  public var classNames: [String]

  public init(
    names: CNames, commandLine: String, modelFile: String, modelDigest: String, target: String = "host",
    alignment: Int = 4, packaging: Packaging = .cmake, classNames: [String] = []
  ) {
    self.classNames = classNames
    self.names = names
    self.commandLine = commandLine
    self.modelFile = modelFile
    self.modelDigest = modelDigest
    self.target = target
    self.alignment = alignment
    self.packaging = packaging
  }
}

/// Generates integer-only C99 for a program. The same program and options always give the same bytes.
public struct CodeGenerator: Sendable {
  public let program: IntegerProgram
  public let options: CodeOptions
  /// The code as it is made for the target.
  let own: CodeVariant
  /// How portable code beside it stores weights.
  private let weights: WeightStorage
  let digest: String

  public var plan: MemoryPlan { own.plan }
  /// Bytes of constant tables: weights, biases, requantisation constants, lookup tables.
  public var tableBytes: Int { own.tableBytes }
  var tables: [KernelWriter.Table] { own.tables }
  /// Whether any C99 compiler for any processor takes the code.
  public var isPortable: Bool { own.needs.isEmpty }

  /// `kernels` are those that the plan was made for: portable ones unless given.
  public init(
    _ program: IntegerProgram, plan: MemoryPlan, kernels selection: KernelSelection? = nil, options: CodeOptions,
    weights: WeightStorage = .automatic
  ) {
    self.weights = weights
    own = CodeVariant(
      program, plan: plan, kernels: selection ?? KernelSelection(program), names: options.names,
      alignment: options.alignment)
    digest = program.digest
    self.program = program
    self.options = options
  }

  /// As it is made for `target`: with kernels of its features, which go for `goal`, and with its alignment.
  public init(
    _ program: IntegerProgram, for target: Target, goal: KernelSelection.Goal = .speed,
    weights: WeightStorage = .automatic, names: CNames? = nil, commandLine: String, modelFile: String? = nil, modelDigest: String = "", packaging: Packaging = .cmake, classNames: [String] = []
  ) {
    let kernels = KernelSelection(program, features: target.features ?? [], goal: goal, weights: weights)
    self.init(
      program, plan: MemoryPlan(program, kernels: kernels), kernels: kernels,
      options: CodeOptions(
        names: names ?? CNames(modelName: program.name), commandLine: commandLine,
        modelFile: modelFile ?? program.name, modelDigest: modelDigest, target: target.name,
        alignment: target.alignment, packaging: packaging, classNames: classNames),
      weights: weights)
  }

  /// The steps that have a function, in the order of their calls; others only rename their operand.
  package var runningSteps: [Int] { program.steps.indices.filter { own.kernels[$0] != nil } }
  package func functionName(ofStep step: Int) -> String {
    own.kernels[step]?.name ?? KernelWriter.functionName(ofStep: step, options.names)
  }

  /// The C for the target alone: what a compiler needs, in one folder.
  public func code() -> [GeneratedFile] { code(hasSelfTest: false, portable: nil) }

  /// The C, with that for other processors where it is given.
  private func code(hasSelfTest: Bool, portable: CodeVariant?) -> [GeneratedFile] {
    let place = portable == nil ? CodePlace.alone : .target
    return [
      GeneratedFile(
        name: "\(options.names.prefix).h", text: header(hasSelfTest: hasSelfTest, portable: portable))
    ] + sources(own, place) + (portable.map { sources($0, .portable) } ?? [])
  }

  private func sources(_ variant: CodeVariant, _ place: CodePlace) -> [GeneratedFile] {
    let name = options.names.prefix + place.infix
    return [
      GeneratedFile(name: "\(name).c", text: source(variant, place)),
      GeneratedFile(name: "\(name)_weights.h", text: weightsHeader(variant, place)),
      GeneratedFile(name: "\(name)_weights.c", text: weights(variant, place)),
    ]
  }

  /// What the names of C files have behind the prefix, whatever the options are.
  static let codeEndings =
    CodePlace.allCases.flatMap { place in [".c", "_weights.h", "_weights.c"].map { place.infix + $0 } }
    + [".h", "_io.h", "_selftest.c"]

  /// The C files that a build system compiles, in a package of all that `files` makes but the self-test.
  var librarySources: [String] {
    (hasPortableCode ? [CodePlace.target, .portable] : [.alone]).flatMap { place in
      let name = options.names.prefix + place.infix
      return ["\(name).c", "\(name)_weights.c"]
    }
  }
  /// Whether packages hold portable C beside the code: what is made for some processors would be useless on others, and
  /// a library is tried on a desk before it is flashed.
  var hasPortableCode: Bool { !isPortable && options.packaging != .plain }

  /// All files of the project; with the self-test where one is given.
  public func files(selfTest: SelfTest?) -> [GeneratedFile] {
    let (prefix, folder) = (options.names.prefix, options.packaging.codeFolder)
    let portable = hasPortableCode
      ? CodeVariant(
        program, plan: MemoryPlan(program), kernels: KernelSelection(program, weights: weights), names: options.names,
        alignment: options.alignment) : nil
    var files = code(hasSelfTest: selfTest != nil, portable: portable)
      .map { GeneratedFile(name: folder + $0.name, text: $0.text) }
    files.append(GeneratedFile(name: "\(folder)\(prefix)_io.h", text: inputOutputHeader()))
    files.append(GeneratedFile(name: "\(prefix)_plan.txt", text: planText()))
    files.append(GeneratedFile(name: "\(prefix)_plan.json", text: planJSON()))
    files += packageFiles(hasSelfTest: selfTest != nil)
    if let selfTest {
      files.append(GeneratedFile(name: "\(folder)\(prefix)_selftest.c", text: selfTestSource(selfTest)))
    }
    return files
  }

  // MARK: What the files share

  /// The first lines of every file.
  func banner(_ what: String, use: String = "do not edit") -> CText {
    var text = CText()
    text.comment(
      what, "", "Generated by Lockstep; \(use). Made by:", "  " + options.commandLine,
      "model    \(options.modelFile.printable())", "  SHA-256 \(options.modelDigest)",
      "program  SHA-256 \(digest)")
    text.line()
    return text
  }

  /// A network input or output as the header presents it.
  struct Port {
    var value: Value
    /// What the file calls it.
    var modelName: String
    /// input, or input_1 where there are several.
    var name: String
    /// The prefix of its macros: NET_INPUT or NET_INPUT_1.
    var macro: String
    /// Its index among the program's values.
    var index: Int
  }

  private func ports(_ role: String, _ values: [Int], _ names: [String]) -> [Port] {
    zip(PortNames.numbered(role, values.count), zip(values, names)).map { name, port in
      Port(
        value: program.values[port.0], modelName: port.1, name: name,
        macro: "\(options.names.macro)_\(name.uppercased())", index: port.0)
    }
  }
  var inputs: [Port] { ports("input", Array(program.callInputs), program.inputNames) }
  var outputs: [Port] { ports("output", Array(program.callOutputs), program.outputNames) }
  /// Where the states are, before a run and after it.
  var states: [Port] { ports("state", program.states.map(\.read), program.states.map(\.name)) }

  /// The declaration of a pointer to a port's codes in the arena.
  func pointer(_ name: String, to port: Port, isConstant: Bool = false) -> String {
    let type = port.value.cType
    let pointed = (isConstant ? "const " : "") + type
    let cast =
      switch type {
      case "int8_t": ""
      case "uint8_t": "(\(pointed) *)"
      // A word's address: the plan has aligned it.
      default: "(\(pointed) *)(\(isConstant ? "const " : "")void *)"
      }
    return "\(pointed) *const \(name) = \(cast)&arena[\(port.macro)_OFFSET];"
  }
}

/// What generated code calls a program's inputs, outputs and states.
package struct PortNames: Sendable {
  /// The prefixes of their macros, as NET_INPUT_1, in the order of the program's inputs and outputs, states included.
  package let inputs, outputs: [String]

  package init(_ program: IntegerProgram, _ names: CNames) {
    func macros(_ role: String, _ count: Int) -> [String] {
      Self.numbered(role, count).map { "\(names.macro)_\($0)" }
    }
    let states = macros("STATE", program.states.count)
    inputs = macros("INPUT", program.callInputs.count) + states
    outputs = macros("OUTPUT", program.callOutputs.count) + states
  }

  /// input; or input_0, input_1 where there are several.
  static func numbered(_ role: String, _ count: Int) -> [String] {
    (0..<count).map { count == 1 ? role : "\(role)_\($0)" }
  }
}
