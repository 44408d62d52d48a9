import CVerificationKernels
import Certificates
import IntegerProgram

/// Simulated annealing on the inputs of a network of dense layers, one input at a time, on the distance from a goal.
///
/// It proposes; the simulator says whether a proposal is a counterexample.
final class DenseAttack: @unchecked Sendable {
  private struct Layer {
    var inputs, outputs: Int
    /// [input][output]; owned by the attack.
    var weights: UnsafePointer<Int16>
    var bias: [Int32]
    var scale, offset: [Float]
    var low, high: Float
  }
  private static let mostSteps = 6
  private let layers: [Layer]
  /// The value that the last layer makes, unmoved.
  private let output: Int

  /// Nil where `bounded` is no chain of a few dense layers from its one input.
  init?(_ bounded: BoundedProgram) {
    let program = bounded.program
    // Deep down, the rounding of layer after layer swallows what one input moves.
    guard program.inputs.count == 1, program.outputs.count == 1, program.steps.count <= Self.mostSteps else { return nil }
    var value = program.inputs[0]
    var layers: [Layer] = []
    for step in program.steps {
      guard step.inputs == [value] else { return nil }
      switch step.operation {
      case .move(let move) where move.isIdentity: break
      case .affine(let affine):
        let geometry = affine.geometry
        guard geometry.batch == 1, geometry.taps == 1, geometry.inputHeight * geometry.inputWidth == 1,
          affine.groups == 1
        else { return nil }
        let (n, m) = (geometry.inputChannels, geometry.outputChannels)
        let weights = UnsafeMutablePointer<Int16>.allocate(capacity: n * m)
        for o in 0..<m { for i in 0..<n { weights[i * m + o] = affine.weights[o * n + i] } }
        var scale: [Float] = []
        for o in 0..<m { scale.append(Float(affine.requantization.multiplier(channel: o).real)) }
        layers.append(
          Layer(
            inputs: n, outputs: m, weights: UnsafePointer(weights), bias: affine.bias, scale: scale,
            offset: Array(repeating: Float(affine.requantization.zeroPoint) + 0.5, count: m),
            low: Float(affine.requantization.clamp.lowerBound), high: Float(affine.requantization.clamp.upperBound)))
      default: return nil
      }
      value = step.output
    }
    guard !layers.isEmpty, value == program.outputs[0] else { return nil }
    self.layers = layers
    output = value
  }

  deinit { for layer in layers { layer.weights.deallocate() } }

  /// Whether the goal speaks of the network's output alone.
  func applies(to goal: Goal) -> Bool {
    goal.constraints.allSatisfy { constraint in
      constraint.parts.allSatisfy {
        if case .code(let value, _) = $0.variable { value == output } else { false }
      }
    }
  }

  /// Anneals from `start` within `box`. Returns an input that seems to meet the goal, nil where none was found.
  func run(
    _ goal: Goal, low: [Int32], high: [Int32], from start: [Int32], moves: Int, hot: Float, seed: inout UInt64
  ) -> [Int32]? {
    var point = start
    let open = low.indices.filter { low[$0] < high[$0] }.map { Int32($0) }
    var held: [UnsafeMutableRawPointer] = []
    defer { for pointer in held { pointer.deallocate() } }
    func hold<T>(_ list: [T]) -> UnsafePointer<T> {
      let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(1, list.count))
      pointer.initialize(from: list, count: list.count)
      held.append(UnsafeMutableRawPointer(pointer))
      return UnsafePointer(pointer)
    }
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
      result.outputs = hold(outputs)
      result.coefficients = hold(coefficients)
      result.constant = Float(constraint.constant)
      return result
    }
    let layers = layers.map { layer in
      lockstep_layer(
        inputs: Int32(layer.inputs), outputs: Int32(layer.outputs), weights: layer.weights, bias: hold(layer.bias),
        scale: hold(layer.scale), offset: hold(layer.offset), low: layer.low, high: layer.high)
    }
    var task = lockstep_goal()
    task.layers = hold(layers)
    task.layer_count = Int32(layers.count)
    task.constraints = hold(constraints)
    task.constraint_count = Int32(constraints.count)
    task.low = hold(low)
    task.high = hold(high)
    task.open = hold(open)
    task.open_count = Int32(open.count)
    let distance = point.withUnsafeMutableBufferPointer {
      lockstep_anneal(&task, $0.baseAddress, Int32(moves), hot, 0.01, &seed)
    }
    return distance <= 0 ? point : nil
  }
}
