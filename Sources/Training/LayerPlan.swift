import CTrainingKernels

extension lockstep_lattice {
  init(scale: Float, low: Float, high: Float) {
    self.init(scale: scale, low: low, high: high, parts: 0, pivot: 0)
  }

  init(scale: Float, _ ends: ClosedRange<Float>) {
    self.init(scale: scale, low: ends.lowerBound, high: ends.upperBound)
  }
}

/// A layer with its sizes, and where its parameters lie.
struct LayerPlan: Sendable {
  enum Kind: Sendable {
    /// A matrix product of each row, or of each patch of it.
    case affine(window: lockstep_window?)
    case averagePool(lockstep_window)
    /// The sum with the output of an earlier layer.
    case add(layer: Int)
  }

  var kind: Kind
  /// [height, width, channels]; a dense layer's is [units].
  var shape: [Int]
  /// Elements of a row that goes in, and of one that comes out.
  var inputCount, outputCount: Int
  /// The weights [inner × columns] and bias [columns]; 0 × 0 for layers without.
  var inner = 0, columns = 0
  /// Products for each row that goes in: 1, or one for each place of the window.
  var places = 1
  /// In the model's parameters.
  var weightOffset = 0, biasOffset = 0

  var weightCount: Int { inner * columns }
  var isAffine: Bool { columns > 0 }
  /// Whether its outputs' codes are chosen for them: a pool's mean what its inputs' mean.
  var hasOwnScale: Bool { if case .averagePool = kind { false } else { true } }
  var isDense: Bool { if case .affine(nil) = kind { true } else { false } }

  struct Fault: Error {
    /// Counted from 0; nil is the input.
    var layer: Int?
    var reason: String
  }
  /// More would not fit memory while training.
  private static let mostElements = 1 << 24, mostParameters = 1 << 26

  static func plans(of architecture: Architecture) throws(Fault) -> [LayerPlan] {
    var plans: [LayerPlan] = []
    var shape = [architecture.height, architecture.width, architecture.channels]
    var parameters = 0
    func count(_ shape: [Int]) throws(Fault) -> Int {
      var product = 1
      for size in shape {
        let (next, overflow) = product.multipliedReportingOverflow(by: size)
        guard !overflow, next <= mostElements else { throw Fault(layer: plans.count, reason: "a layer of shape \(shape) is too large") }
        product = next
      }
      return product
    }
    func picture(_ name: String) throws(Fault) {
      if shape.count != 3 { throw Fault(layer: plans.count, reason: "\(name) needs a picture; before it is a dense layer") }
    }
    do { _ = try count(shape) } catch { throw Fault(layer: nil, reason: "an input of shape \(shape) is too large") }
    for layer in architecture.layers {
      let inputCount = try count(shape)
      var plan = LayerPlan(kind: .add(layer: 0), shape: shape, inputCount: inputCount, outputCount: inputCount)
      switch layer {
      case .dense(let units):
        plan.kind = .affine(window: nil)
        plan.shape = [units]
        (plan.inner, plan.columns) = (inputCount, units)
      case .convolution(let filters, let kernel, let stride, let isSame):
        try picture("conv")
        let window = try self.window(shape, kernel: kernel, stride: stride, isSame: isSame, layer: plans.count)
        plan.kind = .affine(window: window)
        plan.shape = [Int(window.output_height), Int(window.output_width), filters]
        (plan.inner, plan.columns) = (try count([kernel, kernel, shape[2]]), filters)
        plan.places = plan.shape[0] * plan.shape[1]
      case .averagePool(let size, let stride):
        try picture("average-pool")
        let window = try self.window(shape, kernel: size, stride: stride, isSame: false, layer: plans.count)
        plan.kind = .averagePool(window)
        plan.shape = [Int(window.output_height), Int(window.output_width), shape[2]]
      case .add(let earlier):
        guard plans.indices.contains(earlier), plans[earlier].shape == shape else {
          throw Fault(
            layer: plans.count,
            reason: "add \(earlier + 1): the shapes differ, \(plans.indices.contains(earlier) ? plans[earlier].shape : []) "
              + "and \(shape)")
        }
        plan.kind = .add(layer: earlier)
      }
      plan.outputCount = try count(plan.shape)
      if plan.isAffine {
        _ = try count([plan.inner, plan.columns])
        plan.weightOffset = parameters
        plan.biasOffset = parameters + plan.weightCount
        parameters += plan.weightCount + plan.columns
        guard parameters <= mostParameters else {
          throw Fault(layer: plans.count, reason: "with this layer there are over \(mostParameters) weights and biases")
        }
      }
      shape = plan.shape
      plans.append(plan)
    }
    return plans
  }

  private static func window(
    _ shape: [Int], kernel: Int, stride: Int, isSame: Bool, layer: Int
  ) throws(Fault) -> lockstep_window {
    func size(_ input: Int) throws(Fault) -> (output: Int, before: Int) {
      if isSame {
        let output = (input + stride - 1) / stride
        return (output, max(0, (output - 1) * stride + kernel - input) / 2)
      }
      guard kernel <= input else {
        throw Fault(layer: layer, reason: "a kernel of \(kernel) does not fit into \(input) rows or columns")
      }
      return ((input - kernel) / stride + 1, 0)
    }
    let (height, top) = try size(shape[0])
    let (width, left) = try size(shape[1])
    return lockstep_window(
      height: Int32(shape[0]), width: Int32(shape[1]), channels: Int32(shape[2]), kernel_height: Int32(kernel),
      kernel_width: Int32(kernel), stride_height: Int32(stride), stride_width: Int32(stride), top: Int32(top),
      left: Int32(left), output_height: Int32(height), output_width: Int32(width))
  }
}
