import Evaluation
import IntegerProgram
import Simulation
import Synchronization

/// The simulation of many vectors at once.
struct VectorRun: Sendable {
  /// What a stretch of vectors came to.
  struct Part: Sendable {
    var outputs: [CodeColumn]
    /// By index among the program's values.
    var layers: [Int: CodeColumn] = [:]
  }

  let simulator: Simulator
  let inputs: InputVectors
  /// The vectors whose every layer is kept.
  let observed: Set<Int>
  /// Whether every vector finds the states as they are before the first call; else they are calls in a row.
  var resetsStates = false

  /// Runs all vectors on `jobs` threads; `progress` is told, from any of them, how many are done.
  func run(jobs: Int, progress: @escaping @Sendable (Int) -> Void) async throws -> Part {
    // Short stretches even out the threads' work; their results are joined in order.
    let count = inputs.count
    let isSequence = !simulator.program.states.isEmpty && !resetsStates
    let length = isSequence ? count : max(1, min(256, (count + 8 * jobs - 1) / (8 * jobs)))
    let stretches = stride(from: 0, to: count, by: length).map { $0..<min($0 + length, count) }
    let done = Counter()
    let parts = try await withThrowingTaskGroup(of: [(Int, Part)].self) { group in
      for job in 0..<min(jobs, stretches.count) {
        group.addTask {
          try stride(from: job, to: stretches.count, by: jobs).map { index in
            let part = try run(stretches[index]) { progress(done.add($0)) }
            return (index, part)
          }
        }
      }
      var parts = [Part?](repeating: nil, count: stretches.count)
      for try await list in group { for (index, part) in list { parts[index] = part } }
      return parts.compactMap { $0 }
    }
    var whole = emptyPart
    for part in parts {
      for index in whole.outputs.indices { whole.outputs[index].append(part.outputs[index]) }
      for (value, column) in part.layers {
        whole.layers[value, default: CodeColumn(column.value)].append(column)
      }
    }
    return whole
  }

  private var emptyPart: Part {
    Part(outputs: simulator.program.callOutputs.map { CodeColumn(simulator.program.values[$0]) })
  }

  private func run(_ vectors: Range<Int>, progress: (_ more: Int) -> Void) throws -> Part {
    var part = emptyPart
    var sequence = CallSequence(simulator)
    var told = 0
    for (index, vector) in vectors.enumerated() {
      if resetsStates { sequence.reset() }
      let codes = inputs.codes(vector)
      let outputs: [[Int32]]
      if observed.contains(vector) {
        func keep(_ value: Int, _ codes: [Int32]) {
          part.layers[value, default: CodeColumn(simulator.program.values[value])].append(codes)
        }
        for (value, codes) in zip(simulator.program.inputs, codes + sequence.states) { keep(value, codes) }
        outputs = try sequence.call(codes) { _, value, codes in keep(value, codes) }
      } else {
        outputs = try sequence.call(codes)
      }
      for (index, codes) in outputs.enumerated() { part.outputs[index].append(codes) }
      if index + 1 - told == 256 || index + 1 == vectors.count {
        progress(index + 1 - told)
        told = index + 1
      }
    }
    return part
  }
}

/// A count that several threads add to.
final class Counter: Sendable {
  private let count = Mutex(0)

  func add(_ amount: Int) -> Int {
    count.withLock {
      $0 += amount
      return $0
    }
  }
}
