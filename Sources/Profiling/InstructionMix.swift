import CodeGeneration

/// How many instructions of each kind were executed, as far as a core's timing table tells them apart.
public struct InstructionMix: Sendable, Equatable {
  /// The names under which a target's timing gives cycles.
  public private(set) var counts: [Target.Timing.Kind: Int] = [:]
  public private(set) var instructions = 0

  /// Adds a block of Thumb instructions that ran so often, and was left so often for something else than what follows.
  mutating func add(_ block: BlockCounts.Block) {
    instructions += block.executions * block.instructions.count
    var loaded: Int?
    var last = ThumbInstruction.Kind.simple
    for bytes in block.instructions {
      func half(_ index: Int) -> Int { Int(bytes[index]) | Int(bytes[index + 1]) << 8 }
      guard bytes.count == 2 || bytes.count == 4 else { continue }
      let kind = ThumbInstruction(half(0), bytes.count == 4 ? half(2) : nil).kind
      count(kind, behind: loaded, block.executions)
      if case .load(let register, _) = kind { loaded = register } else { loaded = nil }
      last = kind
    }
    counts[.taken, default: 0] += block.departures
    if case .multiple(_, isReturn: true) = last { counts[.popReturn, default: 0] += block.departures }
  }

  /// `loaded` is the register that the instruction before loads, if it does.
  private mutating func count(_ kind: ThumbInstruction.Kind, behind loaded: Int?, _ executions: Int) {
    func isPipelined(_ registers: Set<Int>) -> Bool { loaded.map { !registers.contains($0) } ?? false }
    let name: Target.Timing.Kind =
      switch kind {
      case .simple: .simple
      case .multiply: .multiply
      case .multiplyAccumulate: .multiplyAccumulate
      case .multiplyLong: .multiplyLong
      case .multiplyLongAccumulate: .multiplyLongAccumulate
      case .divide: .divide
      case .load(_, let registers): isPipelined(registers) ? .loadBehindLoad : .load
      case .store(let registers): isPipelined(registers) ? .storeBehindLoad : .store
      case .storeRegisterOffset(let registers): isPipelined(registers) ? .storeBehindLoad : .storeRegisterOffset
      case .loadDouble: .loadDouble
      case .storeDouble: .storeDouble
      case .multiple: .multiple
      case .branch: .branch
      case .call: .call
      case .tableBranch: .tableBranch
      case .system: .system
      case .coprocessor: .coprocessor
      }
    counts[name, default: 0] += executions
    if case .multiple(let registers, _) = kind { counts[.multipleRegister, default: 0] += executions * registers }
  }

  /// Instructions of a processor whose kinds are not told apart.
  mutating func addUnread(_ block: BlockCounts.Block) {
    instructions += block.executions * block.instructions.count
  }

  mutating func add(_ other: InstructionMix) {
    instructions += other.instructions
    counts.merge(other.counts, uniquingKeysWith: +)
  }

  /// The cycles that these instructions take by a core's table, without stalls and wait states.
  public func cycles(_ timing: Target.Timing) -> Int {
    Int(counts.reduce(0.0) { $0 + Double($1.value) * (timing.cycles[$1.key.rawValue] ?? 1) }.rounded())
  }
}
