import IntegerProgram

@testable import CodeGeneration

/// Receives the accesses of a step's kernel to its operands, its output and its scratch, one after another.
protocol AccessVisitor {
  mutating func read(_ value: Int, _ element: Int)
  mutating func write(_ value: Int, _ element: Int)
  mutating func readScratch(_ element: Int)
  mutating func writeScratch(_ element: Int)
}

/// The order in which the generated C of each step reads and writes, told once more from the text of the kernels and not
/// from what the planner knows of it. Reads of constants are among them.
struct KernelAccesses {
  let program: IntegerProgram

  func visit<V: AccessVisitor>(step index: Int, _ visitor: inout V) {
    let step = program.steps[index]
    switch step.operation {
    case .affine(let affine): visit(affine, step.inputs[0], step.output, &visitor)
    case .lookup:
      for element in 0..<program.values[step.output].count {
        visitor.read(step.inputs[0], element)
        visitor.write(step.output, element)
      }
    case .combine(let combine): visit(combine, step, &visitor)
    case .product(let product): visit(product, step, &visitor)
    case .pool(let pool): visit(pool, step.inputs[0], step.output, &visitor)
    case .softmax(let softmax): visit(softmax, step.inputs[0], step.output, &visitor)
    case .normalize(let normalization): visit(normalization, step.inputs[0], step.output, &visitor)
    case .move(let move): visit(move, step, &visitor)
    case .signal:
      // Some walk over their operands again for every output.
      for element in 0..<program.values[step.output].count {
        for value in step.inputs { for place in 0..<program.values[value].count { visitor.read(value, place) } }
        visitor.write(step.output, element)
      }
    }
  }

  // MARK: Weighted sums

  private func visit<V: AccessVisitor>(_ affine: Affine, _ x: Int, _ y: Int, _ visitor: inout V) {
    let g = affine.geometry
    if affine.isDepthwise {
      visitDepthwise(g, x, y, &visitor)
    } else if affine.groups == 1, readsOwnPixelAlone(g) {
      for pixel in 0..<g.batch * g.outputPixels {
        for output in 0..<g.outputChannels {
          for channel in 0..<g.inputChannels { visitor.read(x, pixel * g.inputChannels + channel) }
          visitor.write(y, pixel * g.outputChannels + output)
        }
      }
    } else {
      var at = 0
      forEachPixel(g) { batch, row, column in
        for group in 0..<affine.groups {
          gather(affine, group, x, batch, row, column, &visitor)
          for output in 0..<affine.outputsPerGroup {
            for place in 0..<affine.weightsPerOutput { visitor.readScratch(place) }
            visitor.write(y, at + group * affine.outputsPerGroup + output)
          }
        }
        at += g.outputChannels
      }
    }
  }

  /// Whether no window covers more than the pixel at its own place.
  private func readsOwnPixelAlone(_ g: WindowGeometry) -> Bool {
    g.kernelHeight == 1 && g.kernelWidth == 1 && g.strideHeight == 1 && g.strideWidth == 1
      && g.paddingTop == 0 && g.paddingLeft == 0 && g.inputHeight == g.outputHeight
      && g.inputWidth == g.outputWidth
  }

  /// Copies a window, or its channels of one group, into the scratch.
  private func gather<V: AccessVisitor>(
    _ affine: Affine, _ group: Int, _ x: Int, _ batch: Int, _ row: Int, _ column: Int, _ visitor: inout V
  ) {
    let g = affine.geometry
    let channels = affine.channelsPerGroup
    var to = 0
    for tapRow in 0..<g.kernelHeight {
      let fromRow = row * g.strideHeight - g.paddingTop + tapRow * g.dilationHeight
      for tapColumn in 0..<g.kernelWidth {
        let fromColumn = column * g.strideWidth - g.paddingLeft + tapColumn * g.dilationWidth
        let isInside = fromRow >= 0 && fromRow < g.inputHeight && fromColumn >= 0 && fromColumn < g.inputWidth
        let pixel = ((batch * g.inputHeight + fromRow) * g.inputWidth + fromColumn) * g.inputChannels
        for channel in 0..<channels {
          if isInside { visitor.read(x, pixel + group * channels + channel) }
          visitor.writeScratch(to + channel)
        }
        to += channels
      }
    }
  }

  private func visitDepthwise<V: AccessVisitor>(_ g: WindowGeometry, _ x: Int, _ y: Int, _ visitor: inout V) {
    var at = 0
    forEachPixel(g) { batch, row, column in
      for first in stride(from: 0, to: g.outputChannels, by: 32) {
        let block = first..<min(first + 32, g.outputChannels)
        for tapRow in 0..<g.kernelHeight {
          let fromRow = row * g.strideHeight - g.paddingTop + tapRow * g.dilationHeight
          for tapColumn in 0..<g.kernelWidth {
            let fromColumn = column * g.strideWidth - g.paddingLeft + tapColumn * g.dilationWidth
            guard fromRow >= 0, fromRow < g.inputHeight, fromColumn >= 0, fromColumn < g.inputWidth else { continue }
            let pixel = ((batch * g.inputHeight + fromRow) * g.inputWidth + fromColumn) * g.inputChannels
            for channel in block { visitor.read(x, pixel + channel) }
          }
        }
        for channel in block { visitor.write(y, at + channel) }
      }
      at += g.outputChannels
    }
  }

  private func forEachPixel(_ g: WindowGeometry, _ body: (Int, Int, Int) -> Void) {
    for batch in 0..<g.batch {
      for row in 0..<g.outputHeight { for column in 0..<g.outputWidth { body(batch, row, column) } }
    }
  }

  // MARK: The others

  private func visit<V: AccessVisitor>(_ pool: Pool, _ x: Int, _ y: Int, _ visitor: inout V) {
    let g = pool.geometry
    var at = 0
    forEachPixel(g) { batch, row, column in
      let (top, left) = (row * g.strideHeight - g.paddingTop, column * g.strideWidth - g.paddingLeft)
      for channel in 0..<g.inputChannels {
        for fromRow in max(top, 0)..<min(top + g.kernelHeight, g.inputHeight) {
          for fromColumn in max(left, 0)..<min(left + g.kernelWidth, g.inputWidth) {
            let pixel = (batch * g.inputHeight + fromRow) * g.inputWidth + fromColumn
            visitor.read(x, pixel * g.inputChannels + channel)
          }
        }
        visitor.write(y, at + channel)
      }
      at += g.inputChannels
    }
  }

  private func visit<V: AccessVisitor>(_ softmax: Softmax, _ x: Int, _ y: Int, _ visitor: inout V) {
    for row in 0..<softmax.rows {
      let elements = row * softmax.depth..<(row + 1) * softmax.depth
      // Twice: for the maximum and for the sum.
      for _ in 0..<2 { for element in elements { visitor.read(x, element) } }
      for element in elements {
        visitor.read(x, element)
        visitor.write(y, element)
      }
    }
  }

  private func visit<V: AccessVisitor>(_ normalization: Normalization, _ x: Int, _ y: Int, _ visitor: inout V) {
    for row in 0..<normalization.rows {
      let elements = row * normalization.depth..<(row + 1) * normalization.depth
      for element in elements { visitor.read(x, element) }
      for element in elements {
        visitor.read(x, element)
        visitor.write(y, element)
      }
    }
  }

  private func visit<V: AccessVisitor>(_ combine: Combine, _ step: Step, _ visitor: inout V) {
    var at = 0
    forEachIndex(combine.shape) { index in
      for (operand, strides) in [combine.left.strides, combine.right.strides].enumerated() {
        visitor.read(step.inputs[operand], zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 })
      }
      visitor.write(step.output, at)
      at += 1
    }
  }

  private func visit<V: AccessVisitor>(_ product: MatrixProduct, _ step: Step, _ visitor: inout V) {
    var at = 0
    let (a, b) = (product.left, product.right)
    forEachIndex(product.batch) { index in
      let starts = [a, b].map { zip(index, $0.batchStrides).reduce(0) { $0 + $1.0 * $1.1 } }
      for row in 0..<product.rows {
        for column in 0..<product.columns {
          for k in 0..<product.depth {
            visitor.read(step.inputs[0], starts[0] + row * a.lineStride + k * a.depthStride)
            visitor.read(step.inputs[1], starts[1] + column * b.lineStride + k * b.depthStride)
          }
          visitor.write(step.output, at)
          at += 1
        }
      }
    }
  }

  private func visit<V: AccessVisitor>(_ move: Move, _ step: Step, _ visitor: inout V) {
    if move.fill != nil {
      for element in 0..<program.values[step.output].count { visitor.write(step.output, element) }
    }
    for copy in move.copies {
      forEachIndex(copy.sizes) { index in
        let source = zip(index, copy.sourceStrides).reduce(copy.sourceStart) { $0 + $1.0 * $1.1 }
        let target = zip(index, copy.targetStrides).reduce(copy.targetStart) { $0 + $1.0 * $1.1 }
        visitor.read(step.inputs[copy.operand], source)
        visitor.write(step.output, target)
      }
    }
  }

  /// Calls `body` with all indices below `sizes`, the last one running fastest.
  private func forEachIndex(_ sizes: [Int], _ body: ([Int]) -> Void) {
    var index = [Int](repeating: 0, count: sizes.count)
    for _ in 0..<sizes.reduce(1, *) {
      body(index)
      for axis in sizes.indices.reversed() {
        index[axis] += 1
        if index[axis] < sizes[axis] { break }
        index[axis] = 0
      }
    }
  }
}
