import Arithmetic
import IntegerProgram
import Network

/// Writes one C function for each step, specialised to the step's shapes and constants, and gathers the tables those
/// functions read.
struct KernelWriter {
  /// A constant array of the weights file.
  struct Table {
    var name: String
    var type: String
    var elements: [Int64]
    var comment: String
    var bytes: Int { elements.count * (["64", "32", "16"].firstIndex { type.contains($0) }.map { 8 >> $0 } ?? 1) }
  }

  let program: IntegerProgram
  let plan: MemoryPlan
  let names: CNames
  let selection: KernelSelection
  var functions: ScalarFunctions
  /// Functions that several steps' kernels call, in the order of their making.
  private(set) var shared: [(name: String, text: CText)] = []
  /// System headers that the kernels need.
  private(set) var headers: [String] = []
  var tables: [Table] = []
  /// Of the kernel being written.
  private var parameters: [(declaration: String, argument: String)] = []

  init(program: IntegerProgram, plan: MemoryPlan, names: CNames, kernels: KernelSelection) {
    selection = kernels
    self.program = program
    self.plan = plan
    self.names = names
    functions = ScalarFunctions(prefix: names.prefix)
    for (index, value) in program.values.enumerated() {
      guard let constant = value.constant, program.steps.contains(where: { $0.inputs.contains(index) }) else { continue }
      addTable(
        "constant_\(index)", value.cType, constant.map(Int64.init), comment: "Constant \"\(value.name)\"")
    }
  }

  /// A function that steps share: `write` is called with its whole name where no step has asked for it before.
  mutating func sharedFunction(_ suffix: String, _ write: (String, inout CText) -> Void) -> String {
    let name = "\(names.prefix)_\(suffix)"
    guard !shared.contains(where: { $0.name == name }) else { return name }
    var text = CText()
    write(name, &text)
    shared.append((name, text))
    return name
  }

  mutating func include(_ header: String) {
    if !headers.contains(header) { headers.append(header) }
  }

  static func functionName(ofStep step: Int, _ names: CNames) -> String { "\(names.prefix)_step_\(step)" }
  func functionName(ofStep step: Int) -> String { Self.functionName(ofStep: step, names) }
  func tableName(_ suffix: String) -> String { "\(names.prefix)_\(suffix)" }

  mutating func addTable(_ suffix: String, _ type: String, _ elements: [Int64], comment: String) {
    tables.append(Table(name: tableName(suffix), type: type, elements: elements, comment: comment))
  }

  /// A step's function and the statement that calls it.
  struct Kernel {
    /// The function's name: of the first step that is computed so.
    var name: String
    /// What the function's comment says.
    var comment: String
    /// Empty where another step's function does the same.
    var function: String
    /// The call's arguments, with their parentheses.
    var arguments: String

    var call: String { name + arguments + ";" }
    var definition: CText {
      var text = CText()
      text.comment(comment)
      text.lines(function.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init))
      return text
    }
  }

  /// The kernel of a step; nil where nothing runs.
  ///
  /// A kernel takes its operands as pointers and is not inlined, so the compiler cannot see that they lie in one arena:
  /// where it does, GCC 12 may lose track of which memory a loop stores to, and drop the loop.
  mutating func kernel(ofStep index: Int) -> Kernel? {
    let step = program.steps[index]
    if program.isAlias(step) { return nil }
    parameters = []
    var body = CText()
    selection.kernels[index].write(&self, step, index, &body)
    var text = CText()
    let list = parameters.map(\.declaration).joined(separator: ", ")
    text.block("\(names.macro)_KERNEL static void \(functionName(ofStep: index))(\(list))") { text in
      text.lines(body.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init))
    }
    let arguments = parameters.map(\.argument).joined(separator: ", ")
    return Kernel(
      name: functionName(ofStep: index), comment: comment(of: step, index: index), function: text.text,
      arguments: "(\(arguments))")
  }

  private func comment(of step: Step, index: Int) -> String {
    let output = program.values[step.output]
    var text =
      "Step \(index), layer \(step.source.index) of the model: \(step.source.type) \"\(step.source.name.printable())\". "
    text += step.inputs.map { "\(program.values[$0].shape)" }.joined(separator: ", ") + " to \(output.shape), codes "
    text += "\(output.range.lowerBound) to \(output.range.upperBound)."
    switch step.operation {
    case .affine, .product:
      guard let range = step.accumulatorRange else { break }
      text += " Accumulators stay in [\(range.lowerBound), \(range.upperBound)] (proved for every input), inside \(range.sumType)."
    case .lookup, .combine, .pool, .softmax, .normalize, .signal, .move: break
    }
    return text
  }

  // MARK: Operands

  /// Makes an operand of the step a parameter of its kernel.
  mutating func input(_ name: String, _ value: Int) {
    let type = program.values[value].cType
    let argument =
      program.values[value].constant != nil
      ? tableName("constant_\(value)") : place(value, type, isConstant: true)
    parameters.append(("const \(type) *\(name)", argument))
  }

  /// Makes the step's output a parameter of its kernel.
  mutating func output(_ name: String, _ value: Int) {
    let type = program.values[value].cType
    parameters.append(("\(type) *\(name)", place(value, type, isConstant: false)))
  }

  /// Makes the step's scratch a parameter of its kernel.
  mutating func scratch(_ name: String, _ type: String, _ step: Int) {
    let offset = plan.scratchOfStep[step].map { plan.blocks[$0].offset } ?? 0
    parameters.append(("\(type) *\(name)", address(offset, type, isConstant: false)))
  }

  private func place(_ value: Int, _ type: String, isConstant: Bool) -> String {
    guard let offset = plan.offset(ofValue: value) else { preconditionFailure("value \(value) has a place in the arena") }
    return address(offset, type, isConstant: isConstant)
  }

  private func address(_ offset: Int, _ type: String, isConstant: Bool) -> String {
    switch type {
    case "int8_t": "&arena[\(offset)]"
    case "uint8_t": "(\(isConstant ? "const " : "")\(type) *)&arena[\(offset)]"
    // The plan aligns what needs it; by way of void, which no compiler warns of.
    default: "(\(isConstant ? "const " : "")\(type) *)(\(isConstant ? "const " : "")void *)&arena[\(offset)]"
    }
  }

  mutating func requantization(
    _ requantization: Requantization, accumulators: [ClosedRange<Int64>], _ step: Step, _ index: Int
  ) -> (String, String) -> String {
    if requantization.isIdentity { return { accumulator, _ in accumulator } }
    if requantization.isRectifier { return { accumulator, _ in "(\(accumulator) > 0 ? \(accumulator) : 0)" } }
    let code = RequantizationCode(
      requantization, accumulators: accumulators, result: program.values[step.output].cType, in: &functions)
    let label = "\(step.source.type) of step \(index)"
    for constants in code.tables + (code.leftFactors.map { [$0] } ?? []) {
      addTable(
        "\(constants.suffix)_\(index)", constants.type, constants.elements,
        comment: "Requantisation \(constants.suffix) of each output channel, \(label)")
    }
    let table = tableName
    return { accumulator, channel in code.call(accumulator, channel: channel) { table("\($0)_\(index)") } }
  }
}
