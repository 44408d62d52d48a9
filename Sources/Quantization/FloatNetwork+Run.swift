import IntegerProgram
import Network

extension FloatNetwork {
  /// The outputs for a vector of each input, in single precision; `observe` is told every tensor that is reckoned, the
  /// inputs too.
  public func run(
    _ vectors: [[Float]], observe: (_ tensor: Int, _ elements: [Float]) -> Void = { _, _ in }
  ) -> [[Float]] {
    var values = [[Float]](repeating: [], count: network.tensors.count)
    for (input, vector) in zip(inputs, vectors) {
      precondition(vector.count == network.tensors[input].count, "a vector fills its input tensor")
      values[input] = vector
      observe(input, vector)
    }
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
    return outputs.map { values[$0] }
  }
}

extension FloatLayer {
  /// Both operands, one of which may be constant.
  private func operands(_ inputs: [[Float]]) -> ([Float], [Float]) {
    switch constant {
    case let constant? where constant.isLeft: (constant.numbers, inputs[0])
    case let constant?: (inputs[0], constant.numbers)
    case nil: (inputs[0], inputs[1])
    }
  }

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
      let (a, b) = operands(inputs)
      return places.map { combination.of(a[$0.left], b[$0.right]) }
    case .select(let operands, let shape):
      var places = [[0, 0, 0]]
      for axis in shape.indices {
        places = places.flatMap { start in
          (0..<shape[axis]).map { place in operands.indices.map { start[$0] + place * operands[$0].strides[axis] } }
        }
      }
      var next = inputs[...]
      let numbers = operands.map { $0.constant?.numbers ?? next.popFirst() ?? [] }
      return places.map { numbers[0][$0[0]] != 0 ? numbers[1][$0[1]] : numbers[2][$0[2]] }
    case .transposed(let layer): return layer.run(x)
    case .product(let product):
      let (x, y) = operands(inputs)
      return product.outputStarts.map { start in
        (0..<product.depth).reduce(0) {
          $0 + x[start.left + $1 * product.left.depthStride] * y[start.right + $1 * product.right.depthStride]
        }
      }
    case .average(let window):
      return window.reduce(x, 0, +) { sum, count in sum / Float(count) }
    case .maximum(let window):
      return window.reduce(x, -.infinity, max) { largest, _ in largest }
    case .reduce(let reduction, _, let starts, let steps):
      return starts.map { start in
        switch reduction {
        case .sum: steps.reduce(0) { $0 + x[start + $1] }
        case .mean: steps.reduce(0) { $0 + x[start + $1] } / Float(steps.count)
        case .maximum: steps.reduce(-.infinity) { max($0, x[start + $1]) }
        case .minimum: steps.reduce(.infinity) { min($0, x[start + $1]) }
        }
      }
    case .bilinear(let resize): return resize.run(x)
    case .softmax(let beta, let depth):
      var made = x
      for row in stride(from: 0, to: x.count, by: depth) {
        let largest = x[row..<row + depth].max() ?? 0
        let powers = x[row..<row + depth].map { RealFunction.exponential(Double(beta * ($0 - largest))) }
        let sum = powers.reduce(0, +)
        for place in 0..<depth { made[row + place] = Float(powers[place] / sum) }
      }
      return made
    case .logarithmicSoftmax(let depth):
      var made = x
      for row in stride(from: 0, to: x.count, by: depth) {
        let largest = Double(x[row..<row + depth].max() ?? 0)
        let sum = x[row..<row + depth].reduce(0) { $0 + RealFunction.exponential(Double($1) - largest) }
        for place in row..<row + depth { made[place] = Float(Double(x[place]) - largest - RealFunction.logarithm(sum)) }
      }
      return made
    case .normalized(let depth):
      var made = x
      for row in stride(from: 0, to: x.count, by: depth) {
        let length = x[row..<row + depth].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        for place in row..<row + depth where length > 0 { made[place] = Float(Double(x[place]) / length) }
      }
      return made
    case .cumulative(let axes, let isExclusive, let isReverse):
      let (count, inner) = (axes[1], axes[2])
      var made = x
      for line in 0..<axes[0] * inner {
        let start = line / inner * count * inner + line % inner
        var sum: Float = 0
        for step in 0..<count {
          let place = start + (isReverse ? count - 1 - step : step) * inner
          let before = sum
          sum += x[place]
          made[place] = isExclusive ? before : sum
        }
      }
      return made
    case .move(let places, let fill): return places.map { $0 < 0 ? fill : x[Int($0)] }
    case .concatenation(let turns, let parts):
      var next = inputs[...]
      let numbers = parts.map { $0.constant?.numbers ?? next.popFirst() ?? [] }
      return (0..<turns).flatMap { turn in
        zip(parts, numbers).flatMap { $1[turn * $0.size..<(turn + 1) * $0.size] }
      }
    case .rows(let outer, let count, let inner, let table):
      return (0..<outer).flatMap { block in
        // An index past the ends is the nearest row's, as on a device.
        x.flatMap { index in
          let row = block * count + Int(min(max(index, 0), Float(count - 1)))
          return table[row * inner..<(row + 1) * inner]
        }
      }
    case .cast: return x
    case .denied: return x.map { 1 - $0 }
    case .unary(let functions):
      return x.map { real in functions.reduce(real) { Float($1(Double($0))) } }
    }
  }
}

extension FloatLayer.Combination {
  fileprivate func of(_ a: Float, _ b: Float) -> Float {
    switch self {
    case .sum: a + b
    case .difference: a - b
    case .product: a * b
    case .quotient: a / b
    case .maximum: max(a, b)
    case .minimum: min(a, b)
    case .squaredDifference: (a - b) * (a - b)
    case .slope: a < 0 ? a * b : a
    case .both: min(a, b)
    case .either: max(a, b)
    case .compared(let comparison): comparison.holds(a, b) ? 1 : 0
    }
  }
}

extension FloatTransposed {
  /// Each input pixel adds its share to its window of the output.
  fileprivate func run(_ x: [Float]) -> [Float] {
    let (height, width, channels) = (output[1], output[2], output[3])
    let depth = input[3]
    var made = (0..<output[0] * height * width).flatMap { _ in bias }
    for image in 0..<input[0] {
      for row in 0..<input[1] {
        for column in 0..<input[2] {
          let source = ((image * input[1] + row) * input[2] + column) * depth
          for tapRow in 0..<rows {
            let y = row * strideHeight + tapRow * dilationHeight - top
            guard (0..<height).contains(y) else { continue }
            for tapColumn in 0..<columns {
              let x0 = column * strideWidth + tapColumn * dilationWidth - left
              guard (0..<width).contains(x0) else { continue }
              let target = ((image * height + y) * width + x0) * channels
              for channel in 0..<channels {
                let start = ((channel * rows + tapRow) * columns + tapColumn) * depth
                for place in 0..<depth { made[target + channel] += x[source + place] * weights[start + place] }
              }
            }
          }
        }
      }
    }
    return made
  }
}

extension FloatResize {
  fileprivate func run(_ x: [Float]) -> [Float] {
    var made: [Float] = []
    made.reserveCapacity(shape[0] * rows.count * columns.count * shape[3])
    for image in 0..<shape[0] {
      for row in rows {
        for column in columns {
          for channel in 0..<shape[3] {
            func at(_ y: Int, _ x0: Int) -> Float { x[((image * shape[1] + y) * shape[2] + x0) * shape[3] + channel] }
            let (low, high) = (1 - column.share, column.share)
            let above = at(row.low, column.low) * low + at(row.low, column.high) * high
            let below = at(row.high, column.low) * low + at(row.high, column.high) * high
            made.append(above * (1 - row.share) + below * row.share)
          }
        }
      }
    }
    return made
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
