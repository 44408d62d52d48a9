import IntegerProgram

/// Where each value lives in the one arena, and when. Offsets and sizes are bytes.
public struct MemoryPlan: Sendable {
  /// A stretch of the arena: a value (or several that share it, as a reshape's two sides do), or a step's scratch.
  public struct Block: Sendable {
    /// The values held, in the order they are made; empty for scratch.
    public var values: [Int]
    /// The step whose scratch this is.
    public var scratchOfStep: Int?
    public var size: Int
    /// The offset is a multiple of this many bytes: of a code's size, or of what a kernel asks for.
    public var alignment: Int
    /// The offset is a multiple of this, too, wherever the arena itself starts.
    public var spacing = 1
    public var offset: Int
    /// The step that writes it first; −1 for the network's inputs.
    public var firstStep: Int
    /// The last step that reads it; the number of steps for the network's outputs.
    public var lastStep: Int
  }

  public var blocks: [Block]
  /// Bytes of the arena.
  public var arenaSize: Int
  /// The bytes at the arena's start that hold the states between runs; no run uses them for anything else.
  public var stateSize: Int
  /// The block of each value; nil for constants.
  public var blockOfValue: [Int?]
  /// The block of each step's scratch.
  public var scratchOfStep: [Int?]
  /// Bytes the arena would need if values that are alive together never shared memory: what planning by lifetime alone
  /// reaches at best.
  public var largestLiveSet: Int

  /// The bytes of the arena that hold something while a step runs; what two blocks share counts once.
  public func liveBytes(atStep step: Int) -> Int {
    let alive = blocks.filter { $0.firstStep <= step && step <= $0.lastStep }.sorted { $0.offset < $1.offset }
    var (bytes, end) = (0, 0)
    for block in alive {
      bytes += max(0, block.offset + block.size - max(end, block.offset))
      end = max(end, block.offset + block.size)
    }
    return bytes
  }

  public func offset(ofValue value: Int) -> Int? { blockOfValue[value].map { blocks[$0].offset } }

  fileprivate init(
    blocks: [Block], arenaSize: Int, stateSize: Int, blockOfValue: [Int?], scratchOfStep: [Int?], largestLiveSet: Int
  ) {
    self.blocks = blocks
    self.arenaSize = arenaSize
    self.stateSize = stateSize
    self.blockOfValue = blockOfValue
    self.scratchOfStep = scratchOfStep
    self.largestLiveSet = largestLiveSet
  }

  /// Plans a program's memory, for portable kernels unless others are given. The same program always gets the same plan.
  public init(_ program: IntegerProgram, kernels: KernelSelection? = nil, alignment: Int = 1) {
    var planner = MemoryPlanner(program, kernels ?? KernelSelection(program), alignment: alignment)
    self = planner.plan()
  }
}

private func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
  var (x, y) = (a, b)
  while y > 0 { (x, y) = (y, x % y) }
  return a / x * b
}

extension Value {
  /// The C type of its codes.
  var cType: String { (type.isSigned ? "int" : "uint") + "\(8 * bytesPerCode)_t" }
}

private struct MemoryPlanner {
  let program: IntegerProgram
  let kernels: [any StepKernel]
  let alignment: Int
  var blocks: [MemoryPlan.Block] = []
  var blockOfValue: [Int?]
  var scratchOfStep: [Int?]
  /// The blocks that hold states between runs.
  var stateBlocks: [Int] = []
  /// For each pair of blocks that are alive together: how far the second's start must stay below the first's, where the
  /// second is made by the step with which the first dies.
  var distances: [Pair: Int] = [:]

  struct Pair: Hashable { var dying, born: Int }

  init(_ program: IntegerProgram, _ kernels: KernelSelection, alignment: Int) {
    self.program = program
    self.kernels = kernels.kernels
    self.alignment = alignment
    blockOfValue = Array(repeating: nil, count: program.values.count)
    scratchOfStep = Array(repeating: nil, count: program.steps.count)
    makeBlocks()
    keepStates()
    findOverlaps()
  }

  /// Gives states memory of their own. What a run leaves is made there, where nothing has to be read of what the run
  /// began with by then; else it is copied at the run's end.
  private mutating func keepStates() {
    for state in program.states {
      guard let home = blockOfValue[state.read], let made = blockOfValue[state.written] else { continue }
      let candidate = blocks[made]
      let isFree =
        made != home && candidate.firstStep >= 0 && !stateBlocks.contains(made) && candidate.size == blocks[home].size
        && !program.states.contains { $0.written != state.written && blockOfValue[$0.written] == made }
        && (candidate.firstStep > blocks[home].lastStep
          || candidate.firstStep == blocks[home].lastStep && isSafeInPlace(candidate.firstStep, from: home))
      if isFree {
        blocks[home].values += candidate.values
        blocks[home].alignment = max(blocks[home].alignment, candidate.alignment)
        blocks[home].spacing = leastCommonMultiple(blocks[home].spacing, candidate.spacing)
        for value in candidate.values { blockOfValue[value] = home }
        // An empty stretch, which nothing refers to.
        blocks[made].values = []
        blocks[made].size = 0
      }
      stateBlocks.append(home)
    }
    for block in stateBlocks { (blocks[block].firstStep, blocks[block].lastStep) = (-1, program.steps.count) }
  }

  /// Whether a step may write where the block lies that it reads last.
  private func isSafeInPlace(_ index: Int, from block: Int) -> Bool {
    let step = program.steps[index]
    return step.inputs.enumerated().allSatisfy { position, value in
      blockOfValue[value] != block || (kernels[index].overlap(of: step, input: position, in: program) ?? 1) <= 0
    }
  }

  private mutating func makeBlocks() {
    func size(_ value: Int) -> Int { program.values[value].count * program.values[value].bytesPerCode }
    func block(_ value: Int, from step: Int) -> MemoryPlan.Block {
      MemoryPlan.Block(
        values: [value], scratchOfStep: nil, size: size(value), alignment: program.values[value].bytesPerCode, offset: 0,
        firstStep: step, lastStep: step)
    }
    for input in program.inputs {
      blockOfValue[input] = blocks.count
      blocks.append(block(input, from: -1))
    }
    for (index, step) in program.steps.enumerated() {
      for input in step.inputs { if let held = blockOfValue[input] { blocks[held].lastStep = index } }
      if program.isAlias(step), let held = blockOfValue[step.inputs[0]] {
        blockOfValue[step.output] = held
        blocks[held].values.append(step.output)
      } else {
        blockOfValue[step.output] = blocks.count
        blocks.append(block(step.output, from: index))
      }
      let kernel = kernels[index]
      for value in step.inputs + [step.output] {
        guard let held = blockOfValue[value] else { continue }
        blocks[held].alignment = max(blocks[held].alignment, kernel.operandAlignment)
        blocks[held].spacing = leastCommonMultiple(blocks[held].spacing, kernel.operandSpacing)
      }
      if kernel.scratch.bytes > 0 {
        scratchOfStep[index] = blocks.count
        blocks.append(
          MemoryPlan.Block(
            values: [], scratchOfStep: index, size: kernel.scratch.bytes, alignment: kernel.scratch.alignment, offset: 0,
            firstStep: index, lastStep: index))
      }
    }
    for output in program.outputs { if let held = blockOfValue[output] { blocks[held].lastStep = program.steps.count } }
  }

  private mutating func findOverlaps() {
    for (index, step) in program.steps.enumerated() {
      guard let born = blockOfValue[step.output], blocks[born].firstStep == index else { continue }
      for (position, input) in step.inputs.enumerated() {
        guard let dying = blockOfValue[input], dying != born, blocks[dying].lastStep == index,
          let distance = kernels[index].overlap(of: step, input: position, in: program)
        else { continue }
        let pair = Pair(dying: dying, born: born)
        // An operand read twice must be safe both times.
        distances[pair] = max(distances[pair] ?? distance, distance)
        // A second reading that allows no overlap forbids it.
        for (other, value) in step.inputs.enumerated() where value == input {
          if kernels[index].overlap(of: step, input: other, in: program) == nil { distances[pair] = nil }
        }
      }
    }
  }

  /// Places the blocks in several orders, improves the best by seeded exchanges, and keeps the lowest arena.
  mutating func plan() -> MemoryPlan {
    let indices = blocks.indices.filter { !stateBlocks.contains($0) }
    let bySize = indices.sorted { (blocks[$0].size, $1) > (blocks[$1].size, $0) }
    var orders = [bySize, indices, Array(indices.reversed())]
    orders.append(
      indices.sorted {
        (blocks[$0].lastStep - blocks[$0].firstStep, blocks[$0].size)
          > (blocks[$1].lastStep - blocks[$1].firstStep, blocks[$1].size)
      })
    // Past this, all pairs are too many to keep or to try often: blocks are placed once, in the order of their making.
    guard blocks.count <= 2000 else {
      let (offsets, size) = place(indices) { block in
        blocks.indices.filter { $0 != block && areAliveTogether(block, $0) }
      }
      return plan(offsets, size)
    }
    let rivals = blocks.indices.map { block in blocks.indices.filter { $0 != block && areAliveTogether(block, $0) } }
    let pairs = rivals.reduce(0) { $0 + $1.count }

    var best = orders[0]
    var (bestOffsets, bestSize) = ([Int](), Int.max)
    for order in orders {
      let (offsets, size) = place(order) { rivals[$0] }
      if size < bestSize { (best, bestOffsets, bestSize) = (order, offsets, size) }
    }
    // A linear congruential generator (Knuth's MMIX constants): the plan must be the same everywhere.
    var state: UInt64 = 1
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    if indices.count > 2 {
      let rounds = max(10, min(3000, 2_000_000 / (pairs + blocks.count)))
      for _ in 0..<rounds {
        var order = best
        for _ in 0...random(below: 3) {
          let block = order.remove(at: random(below: order.count))
          order.insert(block, at: random(below: order.count + 1))
        }
        let (offsets, size) = place(order) { rivals[$0] }
        if size <= bestSize { (best, bestOffsets, bestSize) = (order, offsets, size) }
      }
    }
    return plan(bestOffsets, bestSize)
  }

  private mutating func plan(_ offsets: [Int], _ size: Int) -> MemoryPlan {
    for index in blocks.indices { blocks[index].offset = offsets[index] }
    // What is made where a state lives has left an empty block behind.
    let kept = blocks.indices.filter { !blocks[$0].values.isEmpty || blocks[$0].scratchOfStep != nil }
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    return MemoryPlan(
      blocks: kept.map { blocks[$0] }, arenaSize: aligned(size),
      stateSize: stateBlocks.map { blocks[$0].offset + blocks[$0].size }.max() ?? 0,
      blockOfValue: blockOfValue.map { $0.flatMap { places[$0] } },
      scratchOfStep: scratchOfStep.map { $0.flatMap { places[$0] } }, largestLiveSet: largestLiveSet())
  }

  private func aligned(_ offset: Int, _ multiple: Int = 1) -> Int {
    let multiple = leastCommonMultiple(alignment, multiple)
    return (offset + multiple - 1) / multiple * multiple
  }

  private func areAliveTogether(_ a: Int, _ b: Int) -> Bool {
    blocks[a].firstStep <= blocks[b].lastStep && blocks[b].firstStep <= blocks[a].lastStep
  }

  /// Puts the states' blocks and then each other one, in order, at the lowest offset that no block placed before forbids.
  private func place(_ order: [Int], rivals: (Int) -> [Int]) -> (offsets: [Int], size: Int) {
    var offsets = [Int](repeating: -1, count: blocks.count)
    var size = 0
    var forbidden: [(low: Int, high: Int)] = []
    // States first, so that they stand together at the arena's start.
    for block in stateBlocks + order {
      forbidden.removeAll(keepingCapacity: true)
      for rival in rivals(block) where offsets[rival] >= 0 {
        // The block must not start strictly between low and high.
        var low = offsets[rival] - blocks[block].size
        var high = offsets[rival] + blocks[rival].size
        if let distance = distances[Pair(dying: rival, born: block)] {
          low = max(low, min(offsets[rival] - distance, high))
        } else if let distance = distances[Pair(dying: block, born: rival)] {
          high = min(high, max(offsets[rival] + distance, low))
        }
        if low < high { forbidden.append((low, high)) }
      }
      forbidden.sort { $0.low < $1.low }
      let multiple = leastCommonMultiple(blocks[block].alignment, blocks[block].spacing)
      var offset = 0
      for range in forbidden where range.low < offset && offset < range.high { offset = aligned(range.high, multiple) }
      // A range that starts lower may end higher than one passed already: look again until nothing moves.
      var moved = true
      while moved {
        moved = false
        for range in forbidden where range.low < offset && offset < range.high {
          offset = aligned(range.high, multiple)
          moved = true
        }
      }
      offsets[block] = offset
      size = max(size, offset + blocks[block].size)
    }
    return (offsets, size)
  }

  private func largestLiveSet() -> Int {
    // What is born and what dies at each step, from the inputs' −1 on.
    var change = [Int](repeating: 0, count: program.steps.count + 3)
    for block in blocks where block.scratchOfStep == nil {
      change[block.firstStep + 1] += block.size
      change[block.lastStep + 2] -= block.size
    }
    var (live, largest) = (0, 0)
    for step in change {
      live += step
      largest = max(largest, live)
    }
    return largest
  }
}

extension IntegerProgram {
  /// Whether a step only renames its operand, so that both share memory and nothing runs.
  func isAlias(_ step: Step) -> Bool {
    guard case .move(let move) = step.operation, move.isIdentity else { return false }
    let (input, output) = (values[step.inputs[0]], values[step.output])
    guard input.constant == nil, input.count == output.count, input.type == output.type else { return false }
    guard !states.isEmpty, outputs.contains(step.output) else { return true }
    // What is left in a state, or returned of one, is a copy: what it is another name of changes before the run ends.
    let root = root(of: step.inputs[0])
    return !inputs.contains(root)
  }

  /// What a value is another name of.
  private func root(of value: Int) -> Int {
    guard let maker = steps.first(where: { $0.output == value }), case .move(let move) = maker.operation,
      move.isIdentity
    else { return value }
    return root(of: maker.inputs[0])
  }
}
