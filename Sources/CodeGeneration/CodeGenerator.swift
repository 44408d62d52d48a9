import Arithmetic
import IntegerProgram
import Network

/// One file of the generated project.
public struct GeneratedFile: Sendable {
  /// With the folders it is in, separated by slashes.
  public var name: String
  public var text: String
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

  public init(
    names: CNames, commandLine: String, modelFile: String, modelDigest: String, target: String = "host",
    alignment: Int = 4, packaging: Packaging = .cmake
  ) {
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
  public let plan: MemoryPlan
  public private(set) var options: CodeOptions
  /// Bytes of constant tables: weights, biases, requantisation constants, lookup tables.
  public let tableBytes: Int

  let kernels: [KernelWriter.Kernel?]
  let functions: [CText]
  /// What the source includes beside the network's own headers.
  let headers: [String]
  let tables: [KernelWriter.Table]
  let digest: String

  /// `kernels` are those that the plan was made for: portable ones unless given.
  public init(
    _ program: IntegerProgram, plan: MemoryPlan, kernels selection: KernelSelection? = nil, options: CodeOptions
  ) {
    var writer = KernelWriter(
      program: program, plan: plan, names: options.names, kernels: selection ?? KernelSelection(program))
    kernels = program.steps.indices.map { writer.kernel(ofStep: $0) }
    functions = writer.functions.definitions.map(\.text) + writer.shared.map(\.text)
    headers = writer.headers
    tables = writer.tables
    tableBytes = writer.tables.reduce(0) { $0 + $1.bytes }
    digest = program.digest
    self.program = program
    self.plan = plan
    self.options = options
    // Wide codes and some kernels need addresses that are multiples of their words.
    self.options.alignment = max(options.alignment, plan.blocks.map(\.alignment).max() ?? 1)
  }

  /// As it is made for `target`: with kernels of its features, which go for `goal`, and with its alignment.
  public init(
    _ program: IntegerProgram, for target: Target, goal: KernelSelection.Goal = .speed, names: CNames? = nil,
    commandLine: String, modelFile: String? = nil, modelDigest: String = "", packaging: Packaging = .cmake
  ) {
    let kernels = KernelSelection(program, features: target.features ?? [], goal: goal)
    self.init(
      program, plan: MemoryPlan(program, kernels: kernels), kernels: kernels,
      options: CodeOptions(
        names: names ?? CNames(modelName: program.name), commandLine: commandLine,
        modelFile: modelFile ?? program.name, modelDigest: modelDigest, target: target.name,
        alignment: target.alignment, packaging: packaging))
  }

  /// The steps that have a function, in the order of their calls; others only rename their operand.
  package var runningSteps: [Int] { kernels.indices.filter { kernels[$0] != nil } }
  package func functionName(ofStep step: Int) -> String { KernelWriter.functionName(ofStep: step, options.names) }

  /// The C alone: what a compiler needs, in one folder.
  public func code(hasSelfTest: Bool = false) -> [GeneratedFile] {
    let prefix = options.names.prefix
    return [
      GeneratedFile(name: "\(prefix).h", text: header(hasSelfTest: hasSelfTest)),
      GeneratedFile(name: "\(prefix).c", text: source()),
      GeneratedFile(name: "\(prefix)_weights.h", text: weightsHeader()),
      GeneratedFile(name: "\(prefix)_weights.c", text: weights()),
    ]
  }

  /// All files of the project; with the self-test where one is given.
  public func files(selfTest: SelfTest?) -> [GeneratedFile] {
    let (prefix, folder) = (options.names.prefix, options.packaging.codeFolder)
    var files = code(hasSelfTest: selfTest != nil).map { GeneratedFile(name: folder + $0.name, text: $0.text) }
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
    /// input, or input_1 where there are several.
    var name: String
    /// The prefix of its macros: NET_INPUT or NET_INPUT_1.
    var macro: String
    var offset: Int
  }

  func ports(_ role: String, _ values: [Int]) -> [Port] {
    values.enumerated().map { index, value in
      let name = values.count == 1 ? role : "\(role)_\(index)"
      return Port(
        value: program.values[value], name: name, macro: "\(options.names.macro)_\(name.uppercased())",
        offset: plan.offset(ofValue: value) ?? 0)
    }
  }
  var inputs: [Port] { ports("input", program.inputs) }
  var outputs: [Port] { ports("output", program.outputs) }

  func cType(of value: Value) -> String { (value.type.isSigned ? "int" : "uint") + "\(8 * codeSize(value))_t" }

  /// The declaration of a pointer to a port's codes in the arena.
  func pointer(_ name: String, to port: Port, isConstant: Bool = false) -> String {
    let type = cType(of: port.value)
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
