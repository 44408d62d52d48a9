import CSimulationKernels
import IntegerProgram
import Synchronization

/// A program's steps made ready, and the memory they run in.
final class PreparedProgram: Sendable {
  let program: IntegerProgram
  /// Where each value lies.
  let places: [Place]
  let steps: [any PreparedStep]
  let inputs: [(contract: InputContract, place: Place)]
  let outputs: [(type: CodeType, place: Place)]
  /// Of values and scratch together.
  private let byteCount: Int
  /// Memory that no run is using.
  private let idle = Mutex<[Memory]>([])

  init(_ program: IntegerProgram, instructions: lockstep_instructions = lockstep_best_instructions()) {
    self.program = program
    let plan = MemoryPlan(program)
    places = plan.places
    let scratch = plan.byteCount
    var scratchByteCount = 0
    var steps: [any PreparedStep] = []
    for step in program.steps {
      let from = step.inputs.map { plan.places[$0] }
      let to = plan.places[step.output]
      switch step.operation {
      case .affine(let affine) where to.storage.isLong || affine.isLong:
        let step = PreparedAccumulators(affine, from: from[0], to: to, scratch: scratch)
        scratchByteCount = max(scratchByteCount, step.scratchByteCount)
        steps.append(step)
      case .affine(let affine) where affine.readsOneChannelEach:
        let step = PreparedDepthwise(
          affine, from: from[0], to: to, scratch: scratch, instructions: instructions)
        scratchByteCount = max(scratchByteCount, step.scratchByteCount)
        steps.append(step)
      case .affine(let affine):
        let step = PreparedConvolution(
          affine, from: from[0], to: to, scratch: scratch, instructions: instructions)
        scratchByteCount = max(scratchByteCount, step.scratchByteCount)
        steps.append(step)
      case .lookup(let lookup):
        steps.append(PreparedLookup(lookup, from: from[0], to: to))
      case .combine(let combine):
        steps.append(
          PreparedCombine(combine, left: from[0], right: from[1], to: to, instructions: instructions))
      case .product(let product):
        let step = PreparedMatrixProduct(product, left: from[0], right: from[1], to: to, scratch: scratch)
        scratchByteCount = max(scratchByteCount, step.scratchByteCount)
        steps.append(step)
      case .pool(let pool):
        scratchByteCount = max(scratchByteCount, PreparedPool.scratchByteCount(pool))
        steps.append(PreparedPool(pool, from: from[0], to: to, scratch: scratch))
      case .softmax(let softmax):
        switch softmax.kind {
        case .shares(let scale), .logarithms(let scale), .interpolated(let scale):
          steps.append(PreparedSoftmax(softmax, scale, from: from[0], to: to))
        case .tabulated(let table):
          steps.append(PreparedTabulatedSoftmax(softmax: softmax, table: table, from: from[0], to: to))
        }
      case .normalize(let normalization):
        steps.append(PreparedNormalization(normalization: normalization, from: from[0], to: to))
      case .signal(let signal):
        steps.append(PreparedSignal(signal: signal, from: from, to: to))
      case .move(let move):
        let isInPlace = move.isIdentity && from[0] == to
        steps.append(PreparedMove(isInPlace ? Move(copies: []) : move, from: from, to: to))
      }
    }
    self.steps = steps
    inputs = zip(program.inputContracts, program.inputs).map { ($0, plan.places[$1]) }
    outputs = program.outputs.map { (program.values[$0].type, plan.places[$0]) }
    byteCount = scratch + scratchByteCount
  }

  /// Calls `body` with memory of its own, in which the constants stand.
  func withMemory<Result, Failure: Error>(
    _ body: (UnsafeMutableRawPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let memory = idle.withLock { $0.popLast() } ?? makeMemory()
    defer { idle.withLock { $0.append(memory) } }
    return try body(memory.start)
  }

  func run(in memory: UnsafeMutableRawPointer) {
    for step in steps { step.run(in: memory) }
  }

  func makeMemory() -> Memory {
    let memory = Memory(byteCount: byteCount)
    for (place, value) in zip(places, program.values) {
      value.constant?.withUnsafeBufferPointer { place.store($0, in: memory.start) }
    }
    return memory
  }
}
