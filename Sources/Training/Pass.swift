import CTrainingKernels

/// What a batch needs of its rows.
struct PassKind: Equatable, Sendable {
  /// The inputs themselves.
  var hasPoints: Bool
  /// All inputs within a distance, as intervals of center and radius.
  var hasIntervals: Bool
}

/// Forward and backward passes of a part of a batch through a model, with the memory they take.
///
/// Points and centers are rows of the same matrices, points first, since both go through the same products. Radii go
/// through products with the weights' absolute values (Gowal et al., 2018), and centers and radii together through the
/// activations.
///
/// A pass is one thread's at a time.
final class Pass: @unchecked Sendable {
  let model: Model
  let kind: PassKind
  let capacity: Int
  /// Rows of points, and of intervals, in the batch at hand.
  private(set) var points = 0, intervals = 0

  /// The batch: points and centers [rows × inputs], radii [rows × inputs].
  let input, inputRadius: FloatBuffer
  /// For each layer what comes before its activation, and after it.
  private let before, beforeRadius, after, afterRadius: [FloatBuffer]
  /// Patches of one layer at a time.
  private let patches: FloatBuffer
  /// Gradients by each layer's outputs, of values and of radii.
  private let gradient, radiusGradient: [FloatBuffer]
  private let inputGradientBuffer, inputRadiusGradient: FloatBuffer
  /// By the model's parameters, and by the absolute values of its weights.
  let parameterGradient, magnitudeGradient: FloatBuffer

  /// What the loss takes off for each unit of the mean width of intervals behind a layer (QA-IBP's second regulariser).
  var widthFactor: Float = 0

  /// Whether the gradient by the input is wanted, as an attack wants it.
  var wantsInputGradient = false

  init(_ model: Model, kind: PassKind, capacity: Int) {
    self.model = model
    self.kind = kind
    self.capacity = capacity
    let rows = capacity * ((kind.hasPoints ? 1 : 0) + (kind.hasIntervals ? 1 : 0))
    let radii = kind.hasIntervals ? capacity : 0
    func buffers(_ rows: Int) -> [FloatBuffer] { model.plans.map { FloatBuffer(rows * $0.outputCount) } }
    input = FloatBuffer(rows * model.inputCount)
    inputRadius = FloatBuffer(radii * model.inputCount)
    (before, after, gradient) = (buffers(rows), buffers(rows), buffers(rows))
    (beforeRadius, afterRadius, radiusGradient) = (buffers(radii), buffers(radii), buffers(radii))
    let largest = model.plans.map { plan in
      if case .affine(_?) = plan.kind { plan.places * plan.inner } else { 0 }
    }.max() ?? 0
    patches = FloatBuffer(rows * largest)
    inputGradientBuffer = FloatBuffer(rows * model.inputCount)
    inputRadiusGradient = FloatBuffer(radii * model.inputCount)
    parameterGradient = FloatBuffer(model.parameterCount)
    magnitudeGradient = FloatBuffer(model.parameterCount)
  }

  /// What a pass takes, in bytes.
  static func bytes(_ model: Model, kind: PassKind, capacity: Int) -> Double {
    let radii = kind.hasIntervals ? 1.0 : 0.0
    let rows = radii + (kind.hasPoints ? 1 : 0)
    let layers = model.plans.reduce(0.0) { $0 + 3 * Double($1.outputCount) } + 2 * Double(model.inputCount)
    let patches = model.plans.reduce(0.0) { max($0, Double($1.places) * Double($1.inner)) }
    return 4 * Double(capacity) * ((rows + radii) * layers + rows * patches) + 8 * Double(model.parameterCount)
  }

  /// How many codes an interval is widened by at both ends before it is rounded.
  var rounding: Float = 0
  /// All rows of values: points and centers.
  var rows: Int { points + intervals }
  var classes: Int { model.architecture.classes }
  /// [rows × classes], points first.
  var logits: Floats { before[before.count - 1].start }
  var logitGradient: Floats { gradient[gradient.count - 1].start }
  var inputGradient: Floats { inputGradientBuffer.start }
  /// Radii of what goes into the last layer [intervals × features], and the gradient by them.
  var features: Int { model.plans[model.plans.count - 1].inputCount }
  var lastRadii: Floats { radii(before: model.plans.count - 1) }
  var lastRadiiGradient: Floats { radiiGradient(before: model.plans.count - 1) }

  /// Says how many rows the batch has, before its rows are written.
  func begin(_ count: Int) {
    precondition(count <= capacity, "a batch within the capacity")
    points = kind.hasPoints ? count : 0
    intervals = kind.hasIntervals ? count : 0
  }

  private func values(before layer: Int) -> Floats { layer == 0 ? input.start : after[layer - 1].start }
  private func radii(before layer: Int) -> Floats { layer == 0 ? inputRadius.start : afterRadius[layer - 1].start }
  private func valuesGradient(before layer: Int) -> Floats {
    layer == 0 ? inputGradientBuffer.start : gradient[layer - 1].start
  }
  private func radiiGradient(before layer: Int) -> Floats {
    layer == 0 ? inputRadiusGradient.start : radiusGradient[layer - 1].start
  }

  // MARK: Forward

  /// From the batch to the logits. The last layer's radii are left to the loss, which takes them by the class.
  func forward() {
    for (index, plan) in model.plans.enumerated() {
      let isLast = index == model.plans.count - 1
      let (x, r, y) = (values(before: index), radii(before: index), before[index].start)
      let s = beforeRadius[index].start
      switch plan.kind {
      case .affine(let window):
        product(plan, window, x, rows: rows, weights: model.quantized, into: y)
        lockstep_add_bias(y, rows * plan.places, plan.columns, model.quantized.start + plan.biasOffset)
        if intervals > 0 && !isLast { product(plan, window, r, rows: intervals, weights: model.magnitude, into: s) }
      case .averagePool(var window):
        lockstep_average(x, rows, &window, y)
        if intervals > 0 { lockstep_average(r, intervals, &window, s) }
      case .add(let earlier):
        y.update(from: x, count: rows * plan.outputCount)
        lockstep_add(after[earlier].start, 1, y, rows * plan.outputCount)
        if intervals > 0 {
          s.update(from: r, count: intervals * plan.outputCount)
          lockstep_add(afterRadius[earlier].start, 1, s, intervals * plan.outputCount)
        }
      }
      if isLast { break }
      let (lattice, z, count) = (model.activationLattices[index], after[index].start, plan.outputCount)
      if rounding > 0 { lockstep_widen(s, intervals * count, rounding * lattice.scale) }
      let (center, radius) = (points * count, afterRadius[index].start)
      let units = model.firstRoundings.isEmpty ? [] : model.firstRoundings[index]
      if !units.isEmpty {
        let places = count / units.count
        lockstep_quantize_columns(y, z, points * places, units.count, units, lattice)
        if intervals > 0 {
          lockstep_quantize_interval_columns(
            y + center, s, z + center, radius, intervals * places, units.count, units, lattice)
        }
        continue
      }
      lockstep_quantize(y, z, points * count, lattice)
      if intervals > 0 { lockstep_quantize_interval(y + center, s, z + center, radius, intervals * count, lattice) }
    }
  }

  private func product(
    _ plan: LayerPlan, _ window: lockstep_window?, _ x: Floats, rows: Int, weights: FloatBuffer, into y: Floats
  ) {
    var matrix = x
    if var window {
      lockstep_patches(x, rows, &window, patches.start)
      matrix = patches.start
    }
    MatrixProduct.plain(
      matrix, weights.start + plan.weightOffset, into: y, rows: rows * plan.places, inner: plan.inner,
      columns: plan.columns)
  }

  // MARK: Backward

  /// From the gradients by the logits and by the last layer's incoming radii, which the loss has written, to those by the
  /// parameters. What the loss has found of the last layer's magnitudes must be in `magnitudeGradient`; the rest of the
  /// gradients start from 0.
  func backward() {
    // An addition gives its gradient to a layer that others have given theirs to.
    for (index, plan) in model.plans.enumerated().dropLast() where isAdded(index) {
      clear(gradient[index], rows * plan.outputCount)
      clear(radiusGradient[index], intervals * plan.outputCount)
    }
    for index in model.plans.indices.reversed() {
      let (plan, isLast) = (model.plans[index], index == model.plans.count - 1)
      let (g, h, count) = (gradient[index].start, radiusGradient[index].start, plan.outputCount)
      if !isLast {
        let lattice = model.activationLattices[index]
        lockstep_quantize_gradient(before[index].start, g, points * count, lattice)
        if intervals > 0 {
          let center = points * count
          if widthFactor != 0 {
            // The width is twice the radius.
            let share = 2 * widthFactor / Float(count)
            for element in 0..<intervals * count { h[element] += share }
          }
          lockstep_quantize_interval_gradient(
            before[index].start + center, beforeRadius[index].start, g + center, h, intervals * count, lattice)
        }
      }
      let isWanted = index > 0 || wantsInputGradient
      switch plan.kind {
      case .affine(let window):
        lockstep_add_columns(g, rows * plan.places, plan.columns, parameterGradient.start + plan.biasOffset)
        back(
          plan, window, index, g, rows: rows, of: values(before: index), weights: model.quantized,
          weightGradient: parameterGradient, into: isWanted ? valuesGradient(before: index) : nil)
        if intervals > 0 && !isLast {
          back(
            plan, window, index, h, rows: intervals, of: radii(before: index), weights: model.magnitude,
            weightGradient: magnitudeGradient, into: isWanted ? radiiGradient(before: index) : nil)
        }
      case .averagePool(var window):
        guard isWanted else { continue }
        let size = plan.inputCount
        deliver(to: index, rows * size, valuesGradient(before: index)) {
          lockstep_average_gradient(g, rows, &window, $0)
        }
        if intervals > 0 {
          deliver(to: index, intervals * size, radiiGradient(before: index)) {
            lockstep_average_gradient(h, intervals, &window, $0)
          }
        }
      case .add(let earlier):
        deliver(to: index, rows * count, valuesGradient(before: index)) { $0.update(from: g, count: rows * count) }
        lockstep_add(g, 1, gradient[earlier].start, rows * count)
        guard intervals > 0 else { continue }
        deliver(to: index, intervals * count, radiiGradient(before: index)) {
          $0.update(from: h, count: intervals * count)
        }
        lockstep_add(h, 1, radiusGradient[earlier].start, intervals * count)
      }
    }
  }

  /// Whether some addition takes this layer's output besides the layer that follows.
  private func isAdded(_ layer: Int) -> Bool {
    model.plans.contains { if case .add(let earlier) = $0.kind { earlier == layer } else { false } }
  }

  private func clear(_ buffer: FloatBuffer, _ count: Int) { buffer.start.update(repeating: 0, count: count) }

  /// Lets `make` write what goes into `layer`'s gradient; where others have given theirs, it is added to them.
  private func deliver(to layer: Int, _ count: Int, _ target: Floats, _ make: (Floats) -> Void) {
    guard layer > 0, isAdded(layer - 1) else { return make(target) }
    let part = FloatBuffer(count)
    make(part.start)
    lockstep_add(part.start, 1, target, count)
  }

  private func back(
    _ plan: LayerPlan, _ window: lockstep_window?, _ index: Int, _ g: Floats, rows: Int, of x: Floats,
    weights: FloatBuffer, weightGradient: FloatBuffer, into target: Floats?
  ) {
    let products = rows * plan.places
    var matrix = x
    if var window {
      lockstep_patches(x, rows, &window, patches.start)
      matrix = patches.start
    }
    MatrixProduct.transposedLeft(
      matrix, g, into: weightGradient.start + plan.weightOffset, rows: products, inner: plan.inner,
      columns: plan.columns, keep: 1)
    guard let target else { return }
    deliver(to: index, rows * plan.inputCount, target) { target in
      let flat = window == nil ? target : patches.start
      MatrixProduct.transposedRight(
        g, weights.start + plan.weightOffset, into: flat, rows: products, inner: plan.inner, columns: plan.columns)
      if var window { lockstep_add_patches(patches.start, rows, &window, target) }
    }
  }

  /// Sets the gradients by parameters to 0, for a new batch.
  func clearGradients() {
    parameterGradient.clear()
    magnitudeGradient.clear()
  }

  /// The largest value of each layer's outputs in the batch at hand; of the logits, the largest magnitude.
  func largestOutputs() -> [Float] {
    model.plans.indices.map { index in
      let count = model.plans[index].outputCount
      guard index < model.plans.count - 1 else { return largestLogit() }
      let values = after[index].start
      let most = lockstep_largest(values, rows * count)
      guard intervals > 0 else { return most }
      return max(most, lockstep_largest_end(values + points * count, afterRadius[index].start, intervals * count))
    }
  }

  /// In magnitude.
  func largestLogit() -> Float { lockstep_largest(logits, rows * classes) }

  /// The sum over layers and intervals of the mean width behind an activation.
  func widths() -> Double {
    model.plans.indices.dropLast().reduce(0.0) { sum, index in
      let count = model.plans[index].outputCount
      let radii = afterRadius[index].start
      return sum + (0..<intervals * count).reduce(0.0) { $0 + 2 * Double(radii[$1]) } / Double(count)
    }
  }

  /// Whether every value of the points lies in the interval of the same row, but for rounding in single precision.
  func holdsPoints() -> Bool {
    model.plans.indices.dropLast().allSatisfy { index in
      let (count, values, radii) = (model.plans[index].outputCount, after[index].start, afterRadius[index].start)
      return (0..<intervals * count).allSatisfy {
        abs(values[$0] - values[points * count + $0]) <= radii[$0] * 1.0001 + 1e-4
      }
    }
  }
}
