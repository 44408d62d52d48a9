import IntegerProgram

/// One way to compute a step on a target: the memory it takes, and the C that does it. All ways give the same codes.
protocol StepKernel: Sendable {
  /// What the C takes for granted of the processor; nil where any will do.
  var need: ProcessorNeed? { get }
  /// Memory of the arena while the step runs, beside its operands; `alignment` is what its address is a multiple of.
  var scratch: (bytes: Int, alignment: Int) { get }
  /// What the addresses of the step's operands and of its output must be multiples of; 1 for the code's own size.
  var operandAlignment: Int { get }
  /// What the places of the operands and the output in the arena are multiples of, relative to each other.
  var operandSpacing: Int { get }
  /// How far the output may reach into the memory of an input that dies with the step, as `StepOverlap` counts it: the
  /// least distance by which it must start below the input, or nil where they must not share memory.
  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int?
  /// Writes the body of the step's function, whose parameters, tables and helpers it asks the writer for.
  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText)
}

extension StepKernel {
  var scratch: (bytes: Int, alignment: Int) { (0, 1) }
  var operandAlignment: Int { 1 }
  var operandSpacing: Int { 1 }
  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    StepOverlap.distance(of: step, input: position, in: program)
  }
}

/// The kernel of every step, chosen for what a target's processor can do.
public struct KernelSelection: Sendable {
  /// What a choice between time, code and memory goes for.
  public enum Goal: String, CaseIterable, Sendable {
    /// The fewest instructions, as long as the arena does not grow by more than a quarter, or 2 KiB, on their account.
    case speed
    /// Little code: loops are not unrolled, and kernels that many layers share come before faster ones.
    case size
    /// The least arena: kernels made for the processor where they do not enlarge it.
    case ram
  }

  /// One for each step.
  private(set) var kernels: [any StepKernel]

  /// `features` are a target's; without any, kernels are portable C. `weights` of 4 bits lie in flash so.
  public init(
    _ program: IntegerProgram, features: [String] = [], goal: Goal = .speed, weights: WeightStorage = .automatic
  ) {
    kernels = program.steps.map { PortableKernel($0, program, weights) }
    let features = Set(features)
    guard !features.isEmpty else { return }
    let constants = ChannelConstants(program)
    var made = program.steps.enumerated().map { index, step in
      Self.made(for: features, constants.refined(step, index), program, constants, goal, weights)
    }
    DSPAssembly.shareShifts(&made)
    let portable = MemoryPlan(program, kernels: self).arenaSize
    let most = goal == .ram ? portable : portable + max(portable / 4, 2048)
    // All at once, which mostly does; else one after another.
    var all = self
    for (index, kernel) in made.enumerated() { if let kernel { all.kernels[index] = kernel } }
    if MemoryPlan(program, kernels: all).arenaSize <= most {
      self = all
      return
    }
    for (index, kernel) in made.enumerated() {
      guard let kernel else { continue }
      var other = self
      other.kernels[index] = kernel
      // A kernel's scratch decides, and what its order of reading and writing allows to share memory.
      if MemoryPlan(program, kernels: other).arenaSize <= most { self = other }
    }
  }

  /// The first kernel made for the processor that can compute the step; nil where portable C does, since it alone reads
  /// packed weights of that step and those are asked for.
  private static func made(
    for features: Set<String>, _ step: Step, _ program: IntegerProgram, _ constants: ChannelConstants, _ goal: Goal,
    _ weights: WeightStorage
  ) -> (any StepKernel)? {
    if case .affine(let affine) = step.operation, affine.isLong {
      // Sums of 64 bits.
      let isVector = features.contains("mve")
      guard isVector || features.contains("dsp") else { return nil }
      return WideProductKernel(step, program, goal, isVector: isVector)
    }
    let mustBePacked = if weights == .packed, case .affine(let affine) = step.operation { affine.hasNibbles } else { false }
    let vectors = features.contains("mve") ? MVEProductKernel(step, program, weights) : nil
    if let vectors, vectors.isPacked || !mustBePacked { return vectors }
    if mustBePacked {
      guard features.contains("dsp"), let kernel = DSPProductKernel(step, program, constants, goal, weights),
        kernel.isPacked
      else { return nil }
      return kernel
    }
    if features.contains("mve") {
      if let kernel = MVEDepthwiseKernel(step, program) { return kernel }
      if let kernel = MVESumKernel(step, program) { return kernel }
      if let kernel = MVEAveragePoolKernel(step, program) { return kernel }
      if let kernel = WideProductKernel(step, program, goal, isVector: true) { return kernel }
      if let kernel = WideDepthwiseKernel(step, program, goal, isVector: true) { return kernel }
      if let kernel = MVEByteTaps(step, program, goal) { return kernel }
      if let kernel = MoveKernel(step, program, .mve) { return kernel }
    }
    if features.contains("dsp") {
      if let kernel = DSPRowKernel(step, program, weights) { return kernel }
      if let kernel = DSPProductKernel(step, program, constants, goal, weights) { return kernel }
      if let kernel = DSPDepthwiseKernel(step, program, goal) { return kernel }
      if let kernel = DSPSumKernel(step, program) { return kernel }
      if let kernel = WideProductKernel(step, program, goal, isVector: false) { return kernel }
      if let kernel = WideDepthwiseKernel(step, program, goal, isVector: false) { return kernel }
      if let kernel = DSPByteTaps(step, program, goal) { return kernel }
      return MoveKernel(step, program, .armv7)
    }
    let languages: [(feature: String, language: KernelLanguage)] = [("armv7m", .armv7), ("armv6m", .armv6), ("mul32", .c)]
    if let language = languages.first(where: { features.contains($0.feature) })?.language {
      if let kernel = PackedProductKernel(step, program, goal, language) { return kernel }
      if let kernel = RowsDenseKernel(step, program, goal, language) { return kernel }
      if let kernel = PlaneDepthwiseKernel(step, program, goal, language) { return kernel }
      if let kernel = SumKernel(step, program) { return kernel }
      return MoveKernel(step, program, RunCode(language))
    }
    return nil
  }
}

/// What the kernels for processors without vectors are written in.
enum KernelLanguage: Sendable {
  /// C, for processors with a fast 32-bit multiplication and registers enough.
  case c
  /// Assembly of Armv6-M: eight registers for most instructions, products that overwrite an operand.
  case armv6
  /// The same with Armv7-M's multiply-accumulate.
  case armv7
}

/// C for any processor.
struct PortableKernel: StepKernel {
  var need: ProcessorNeed? { nil }
  let scratch: (bytes: Int, alignment: Int)
  private let isPacked: Bool

  init(_ step: Step, _ program: IntegerProgram, _ weights: WeightStorage) {
    isPacked = weights != .bytes
    guard case .affine(let affine) = step.operation, affine.patchCount > 0 else {
      scratch = (0, 1)
      return
    }
    let width = program.values[step.inputs[0]].bytesPerCode
    scratch = (affine.patchCount * width, width)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    switch step.operation {
    case .affine(let affine): writer.affine(affine, step, index, isPacked: isPacked, &text)
    case .lookup(let lookup): writer.lookup(lookup, step, index, &text)
    case .combine(let combine): writer.combine(combine, step, index, &text)
    case .product(let product): writer.product(product, step, index, &text)
    case .pool(let pool): writer.pool(pool, step, index, &text)
    case .softmax(let softmax): writer.softmax(softmax, step, index, &text)
    case .normalize(let normalization): writer.normalize(normalization, step, index, &text)
    case .signal(let signal): writer.signal(signal, step, index, &text)
    case .move(let move): writer.move(move, step, &text)
    }
  }
}
