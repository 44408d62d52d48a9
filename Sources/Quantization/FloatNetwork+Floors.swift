// How far down real values count: of what goes into a softmax nothing does that lies far below its row's largest, which is
// how masks are made.
extension FloatNetwork {
  /// The tensors that softmaxes read, with the length of their rows.
  var softmaxRows: [Int: Int] {
    var rows: [Int: Int] = [:]
    for layer in layers { if case .softmax(_, let depth) = layer.kind { rows[layer.inputs[0]] = depth } }
    return rows
  }

  /// For each tensor a value below which all are alike, as far as `calibration` has seen; −∞ where there is none.
  func floors(_ calibration: Calibration) -> [Float] {
    var floors = [Float](repeating: .infinity, count: network.tensors.count)
    func read(_ tensor: Int, _ floor: Float) { floors[tensor] = min(floors[tensor], floor) }
    for output in outputs { floors[output] = -.infinity }
    for layer in layers.reversed() {
      let floor = layer.activation == .none ? floors[layer.output] : -.infinity
      switch layer.kind {
      // e^-10 is a hundredth of a code of 1/256.
      case .softmax(let beta, _) where beta > 0:
        let peak = calibration.tensors[layer.inputs[0]]?.leastPeak ?? .infinity
        read(layer.inputs[0], peak.isFinite ? peak - 10 / beta : -.infinity)
      case .combine(.sum, _, _):
        for (place, input) in layer.inputs.enumerated() {
          let other =
            layer.constant?.numbers.max() ?? calibration.tensors[layer.inputs[1 - place]]?.largest ?? .infinity
          read(input, floor - other)
        }
      case .move, .select, .cast: for input in layer.inputs { read(input, floor) }
      default: for input in layer.inputs { read(input, -.infinity) }
      }
    }
    return floors.map { $0.isFinite ? $0 : -.infinity }
  }
}
