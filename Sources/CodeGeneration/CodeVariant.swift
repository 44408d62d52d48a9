import IntegerProgram

/// The code of a program for one kind of processor: the kernels that compute its steps, and what follows from them.
struct CodeVariant: Sendable {
  let plan: MemoryPlan
  /// What the arena's address must be a multiple of.
  let alignment: Int
  let kernels: [KernelWriter.Kernel?]
  let functions: [CText]
  /// What the source includes beside the network's own headers.
  let headers: [String]
  let tables: [KernelWriter.Table]
  /// The table with a state's initial codes, for each state; nil where all are one.
  let initialTables: [String?]
  /// What the kernels take for granted; nothing where they are portable.
  let needs: Set<ProcessorNeed>

  /// `alignment` is the least; wide codes and some kernels need addresses that are multiples of their words.
  init(_ program: IntegerProgram, plan: MemoryPlan, kernels selection: KernelSelection, names: CNames, alignment: Int) {
    var writer = KernelWriter(program: program, plan: plan, names: names, kernels: selection)
    let written = program.steps.indices.map { writer.kernel(ofStep: $0) }
    let once = OnceWritten(
      written, shared: writer.functions.definitions.map(\.text) + writer.shared.map(\.text), writer.tables)
    kernels = once.kernels
    functions = once.shared
    headers = writer.headers
    let own = program.states.enumerated().map { index, state in
      Set(state.initial).count < 2
        ? nil
        : KernelWriter.Table(
          name: "\(names.prefix)_initial_\(index)", type: program.values[state.read].cType,
          elements: state.initial.map(Int64.init),
          comment: "The initial codes of the state \"\(state.name.printable(60))\"")
    }
    initialTables = own.map { $0?.name }
    tables = once.tables + own.compactMap { $0 }
    needs = Set(selection.kernels.compactMap(\.need))
    self.plan = plan
    self.alignment = max(alignment, plan.blocks.map(\.alignment).max() ?? 1)
  }

  /// What is copied when a run ends: states that it could not leave where they live.
  func stateCopies(_ program: IntegerProgram) -> [(from: Int, to: Int, bytes: Int)] {
    program.states.compactMap { state in
      guard let from = plan.offset(ofValue: state.written), let to = plan.offset(ofValue: state.read), from != to else {
        return nil
      }
      return (from, to, program.values[state.read].count * program.values[state.read].bytesPerCode)
    }
  }

  var tableBytes: Int { tables.reduce(0) { $0 + $1.bytes } }
}

/// Where a file of C stands in the project, and so which processors' compilers are to see its content.
enum CodePlace: CaseIterable {
  /// The only code there is. Where it is made for some processors, others' compilers are told so.
  case alone
  /// Code made for a target, with portable C beside it.
  case target
  /// That portable C.
  case portable

  /// What the names of files have between the prefix and the rest.
  var infix: String { self == .portable ? "_portable" : "" }
}
