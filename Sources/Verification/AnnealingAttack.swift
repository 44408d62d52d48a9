import CVerificationKernels
import Certificates
import IntegerProgram

/// Simulated annealing on the inputs of a chain of dense and convolution layers, one input at a time, on the distance from
/// a goal. A move costs what it changes: in a convolution a few pixels, and behind it the codes that are others now.
///
/// It proposes; the simulator says whether a proposal is a counterexample.
final class AnnealingAttack: @unchecked Sendable {
  private static let mostSteps = 8
  /// Owned by the attack, and all that they point to.
  private let layers: UnsafePointer<lockstep_layer>
  private let layerCount: Int
  private let memory: HeldMemory
  /// What the last layer makes.
  private let output: Int
  /// Whether all layers are dense: gradients say little more there than moves do.
  let isDense: Bool

  /// Nil where `bounded` is no chain of a few layers from its one input.
  init?(_ bounded: BoundedProgram) {
    let program = bounded.program
    // Deep down, the rounding of layer after layer swallows what one input moves.
    guard program.inputs.count == 1, program.outputs.count == 1, program.steps.count <= Self.mostSteps else { return nil }
    var value = program.inputs[0]
    let memory = HeldMemory()
    var layers: [lockstep_layer] = []
    for (index, step) in program.steps.enumerated() {
      guard step.inputs == [value] else { return nil }
      switch bounded.steps[index].form {
      case .move:
        guard case .move(let move) = step.operation, move.isIdentity else { return nil }
      case .affine(let affine, let window, _):
        guard affine.geometry.batch == 1, let weights = bounded.steps[index].channelWeights else { return nil }
        layers.append(Self.layer(affine, window, weights, in: memory))
      // Goals speak of what goes in.
      case .softmax where index == program.steps.count - 1: continue
      default: return nil
      }
      value = step.output
    }
    guard !layers.isEmpty else { return nil }
    self.layers = memory.hold(layers)
    layerCount = layers.count
    self.memory = memory
    isDense = layers.allSatisfy { $0.input_pixels == 1 }
    output = value
  }

  private static func layer(
    _ affine: Affine, _ window: WindowTable, _ weights: ChannelWeights, in memory: HeldMemory
  ) -> lockstep_layer {
    let (geometry, requantization) = (affine.geometry, affine.requantization)
    let inputPixels = geometry.inputHeight * geometry.inputWidth
    var reached = [[lockstep_place]](repeating: [], count: inputPixels)
    for pixel in 0..<window.outputPixels {
      for tap in 0..<window.taps {
        let source = Int(window.pixels[pixel * window.taps + tap])
        if source >= 0 { reached[source].append(lockstep_place(pixel: Int32(pixel), tap: Int32(tap))) }
      }
    }
    var starts: [Int32] = [0]
    for part in reached { starts.append(starts[starts.count - 1] + Int32(part.count)) }
    let channels = geometry.outputChannels
    return lockstep_layer(
      input_pixels: Int32(inputPixels), input_channels: Int32(geometry.inputChannels),
      output_pixels: Int32(window.outputPixels), output_channels: Int32(channels),
      weights: memory.hold(weights.weights), starts: memory.hold(starts), places: memory.hold(reached.flatMap { $0 }),
      bias: memory.hold(weights.bias),
      scale: memory.hold((0..<channels).map { Float(requantization.multiplier(channel: $0).real) }),
      offset: memory.hold(Array(repeating: Float(requantization.zeroPoint) + 0.5, count: channels)),
      low: Float(requantization.clamp.lowerBound), high: Float(requantization.clamp.upperBound))
  }

  /// Whether the goal speaks of the last layer's output alone.
  func applies(to goal: Goal) -> Bool {
    goal.constraints.allSatisfy { constraint in
      constraint.parts.allSatisfy {
        if case .code(let value, _) = $0.variable { value == output } else { false }
      }
    }
  }

  /// Anneals from `start` within `box`. Returns an input that seems to meet the goal, nil where none was found.
  func run(
    _ goal: Goal, low: [Int32], high: [Int32], from start: [Int32], moves: Int, hot: Float, seed: inout UInt64,
    isOver: @escaping () -> Bool
  ) -> [Int32]? {
    var point = start
    let open = low.indices.filter { low[$0] < high[$0] }.map { Int32($0) }
    let held = HeldMemory()
    let constraints = goal.constraints.map { constraint in
      var result = lockstep_constraint()
      var outputs: [Int32] = []
      var coefficients: [Float] = []
      for part in constraint.parts {
        guard case .code(_, let element) = part.variable else { continue }
        outputs.append(Int32(element))
        coefficients.append(Float(part.coefficient))
      }
      if coefficients.sorted() == [-1, 1], let first = coefficients.firstIndex(of: 1),
        (-64...64).contains(constraint.constant)
      {
        result.is_pair = 1
        result.first = outputs[first]
        result.second = outputs[1 - first]
        result.least = Float(-constraint.constant)
      }
      result.terms = Int32(outputs.count)
      result.outputs = held.hold(outputs)
      result.coefficients = held.hold(coefficients)
      result.constant = Float(constraint.constant)
      return result
    }
    var task = lockstep_goal()
    task.layers = layers
    task.layer_count = Int32(layerCount)
    task.constraints = held.hold(constraints)
    task.constraint_count = Int32(constraints.count)
    task.low = held.hold(low)
    task.high = held.hold(high)
    task.open = held.hold(open)
    task.open_count = Int32(open.count)
    let distance = withExtendedLifetime((held, memory)) {
      point.withUnsafeMutableBufferPointer { point in
        withUnsafePointer(to: isOver) { isOver in
          lockstep_anneal(
            &task, point.baseAddress, Int32(moves), hot, 0.01, &seed,
            { context in context!.assumingMemoryBound(to: (() -> Bool).self).pointee() ? 1 : 0 }, isOver)
        }
      }
    }
    return distance <= 0 ? point : nil
  }
}

/// Copies of lists for C, for as long as this lives.
private final class HeldMemory {
  private var blocks: [UnsafeMutableRawPointer] = []
  deinit { for block in blocks { block.deallocate() } }

  func hold<T>(_ list: [T]) -> UnsafePointer<T> {
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(1, list.count))
    pointer.initialize(from: list, count: list.count)
    blocks.append(UnsafeMutableRawPointer(pointer))
    return UnsafePointer(pointer)
  }
}
