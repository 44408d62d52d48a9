import IntegerProgram
import Network

extension FloatNetwork {
  /// The output for one input, in single precision; `observe` is told every tensor that is reckoned, the input too.
  public func run(_ input: [Float], observe: (_ tensor: Int, _ elements: [Float]) -> Void = { _, _ in }) -> [Float] {
    precondition(input.count == network.tensors[self.input].count, "an input fills the network's input tensor")
    var values = [[Float]](repeating: [], count: network.tensors.count)
    values[self.input] = input
    observe(self.input, input)
    for layer in layers {
      var made = layer.run(layer.inputs.map { values[$0] })
      switch layer.activation {
      case .none: break
      case .relu: for place in made.indices { made[place] = max(made[place], 0) }
      case .relu6: for place in made.indices { made[place] = min(max(made[place], 0), 6) }
      case .reluN1To1: for place in made.indices { made[place] = min(max(made[place], -1), 1) }
      }
      observe(layer.output, made)
      values[layer.output] = made
    }
    return values[output]
  }
}

extension FloatLayer {
  /// The layer's output before its activation.
  fileprivate func run(_ inputs: [[Float]]) -> [Float] {
    let x = inputs[0]
    switch kind {
    case .affine(let affine): return affine.run(x)
    case .combine(let combination, let strides, let shape):
      var places: [(left: Int, right: Int)] = [(0, 0)]
      for (axis, stride) in strides.enumerated() {
        places = places.flatMap { start in
          (0..<shape[axis]).map { (start.left + $0 * stride.left, start.right + $0 * stride.right) }
        }
      }
      let y = inputs[1]
      switch combination {
      case .sum: return places.map { x[$0.left] + y[$0.right] }
      case .difference: return places.map { x[$0.left] - y[$0.right] }
      case .product: return places.map { x[$0.left] * y[$0.right] }
      case .maximum: return places.map { max(x[$0.left], y[$0.right]) }
      case .minimum: return places.map { min(x[$0.left], y[$0.right]) }
      }
    case .average(let window):
      return window.reduce(x, 0, +) { sum, count in sum / Float(count) }
    case .maximum(let window):
      return window.reduce(x, -.infinity, max) { largest, _ in largest }
    case .mean(_, let outer, let count, let inner):
      return (0..<outer * inner).map { place in
        let start = place / inner * count * inner + place % inner
        return (0..<count).reduce(0) { $0 + x[start + $1 * inner] } / Float(count)
      }
    case .softmax(let beta, let depth):
      var made = x
      for row in stride(from: 0, to: x.count, by: depth) {
        let largest = x[row..<row + depth].max() ?? 0
        let powers = x[row..<row + depth].map { RealFunction.exponential(Double(beta * ($0 - largest))) }
        let sum = powers.reduce(0, +)
        for place in 0..<depth { made[row + place] = Float(powers[place] / sum) }
      }
      return made
    case .move(let places): return places.map { $0 < 0 ? 0 : x[Int($0)] }
    case .concatenation(let turns, let sizes):
      return (0..<turns).flatMap { turn in
        sizes.indices.flatMap { inputs[$0][turn * sizes[$0]..<(turn + 1) * sizes[$0]] }
      }
    case .unary(let functions):
      return x.map { real in functions.reduce(real) { Float($1(Double($0))) } }
    }
  }
}

extension FloatWindow {
  /// One number for each window and channel, of the elements inside the image.
  fileprivate func reduce(
    _ x: [Float], _ start: Float, _ body: (Float, Float) -> Float, _ end: (Float, Int) -> Float
  ) -> [Float] {
    var made: [Float] = []
    made.reserveCapacity(batch * outputHeight * outputWidth * channels)
    for image in 0..<batch {
      for row in 0..<outputHeight {
        let rowRange = inside(row * strideHeight - top, rows, height)
        for column in 0..<outputWidth {
          let columnRange = inside(column * strideWidth - left, columns, width)
          for channel in 0..<channels {
            var result = start
            for y in rowRange {
              for x0 in columnRange {
                result = body(result, x[((image * height + y) * width + x0) * channels + channel])
              }
            }
            made.append(end(result, rowRange.count * columnRange.count))
          }
        }
      }
    }
    return made
  }

  private func inside(_ start: Int, _ count: Int, _ size: Int) -> Range<Int> {
    max(start, 0)..<max(min(start + count, size), max(start, 0))
  }
}

extension FloatAffine {
  /// For each place of the window, its elements laid out in a row (im2col), times the weights.
  fileprivate func run(_ x: [Float]) -> [Float] {
    let window = self.window
    let inputs = window.channels / groups
    let perGroup = outputs / groups
    let length = self.length
    var made = [Float](repeating: 0, count: window.batch * window.outputHeight * window.outputWidth * outputs)
    var row = [Float](repeating: 0, count: length)
    var place = 0
    for image in 0..<window.batch {
      for y in 0..<window.outputHeight {
        for x0 in 0..<window.outputWidth {
          for group in 0..<groups {
            var next = 0
            for tapRow in 0..<window.rows {
              let sourceY = y * window.strideHeight - window.top + tapRow * window.dilationHeight
              for tapColumn in 0..<window.columns {
                let sourceX = x0 * window.strideWidth - window.left + tapColumn * window.dilationWidth
                if sourceY >= 0, sourceY < window.height, sourceX >= 0, sourceX < window.width {
                  let start =
                    ((image * window.height + sourceY) * window.width + sourceX) * window.channels + group * inputs
                  for input in 0..<inputs { row[next + input] = x[start + input] }
                } else {
                  for input in 0..<inputs { row[next + input] = 0 }
                }
                next += inputs
              }
            }
            for output in group * perGroup..<(group + 1) * perGroup {
              made[place + output] = bias[output] + Self.product(row, weights, output * length)
            }
          }
          place += outputs
        }
      }
    }
    return made
  }

  /// Σ a[i] · b[start + i], eight sums side by side.
  private static func product(_ a: [Float], _ b: [Float], _ start: Int) -> Float {
    a.withUnsafeBytes { left in
      b.withUnsafeBytes { right in
        let width = MemoryLayout<Float>.stride
        var sums = SIMD8<Float>()
        let whole = a.count & ~7
        for place in stride(from: 0, to: whole, by: 8) {
          sums +=
            left.loadUnaligned(fromByteOffset: place * width, as: SIMD8<Float>.self)
            * right.loadUnaligned(fromByteOffset: (start + place) * width, as: SIMD8<Float>.self)
        }
        var sum = sums.sum()
        for place in whole..<a.count { sum += a[place] * b[start + place] }
        return sum
      }
    }
  }
}
