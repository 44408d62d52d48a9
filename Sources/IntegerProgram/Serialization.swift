import Arithmetic
import Crypto
import Network

extension IntegerProgram {
  /// The program's SHA-256: of `canonicalBytes`, in lowercase hexadecimal. It stands in the generated C, in reports and
  /// in certificates, and ties them to one arithmetic.
  public var digest: String {
    SHA256.hash(data: canonicalBytes).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }

  /// All that decides what the program computes and what its inputs and outputs mean, and nothing else (no names, no
  /// proved ranges): equal programs have equal bytes. Integers are 8 bytes, little-endian; lists carry their length.
  public var canonicalBytes: [UInt8] {
    var writer = CanonicalWriter()
    writer.text("lockstep-program-1")
    writer.list(values) { writer, value in
      writer.list(value.shape) { $0.integer($1) }
      writer.integer(value.type.bits)
      writer.integer(value.type.isSigned ? 1 : 0)
      writer.integer(Int(value.scale.bitPattern))
      writer.integer(Int(value.zeroPoint))
      writer.list(value.constant.map { [$0] } ?? []) { $0.integers($1) }
    }
    writer.list(inputs) { $0.integer($1) }
    writer.list(outputs) { $0.integer($1) }
    writer.list(steps) { writer, step in
      writer.list(step.inputs) { $0.integer($1) }
      writer.integer(step.output)
      writer.operation(step.operation)
    }
    // Without states the bytes are those of programs before there were any.
    if !states.isEmpty {
      writer.text("states")
      writer.list(states) { writer, state in
        writer.integers([state.read, state.written])
        writer.integers(state.initial)
      }
    }
    return writer.bytes
  }
}

/// Writes what a digest is taken of: integers are 8 bytes, little-endian; lists carry their length.
package struct CanonicalWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func integer(_ value: Int) {
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
  package mutating func text(_ text: String) {
    integer(text.utf8.count)
    bytes += text.utf8
  }
  package mutating func list<T>(_ list: [T], _ write: (inout CanonicalWriter, T) -> Void) {
    integer(list.count)
    for element in list { write(&self, element) }
  }
  package mutating func integers<T: BinaryInteger>(_ list: [T]) {
    integer(list.count)
    bytes.reserveCapacity(bytes.count + 8 * list.count)
    for element in list { integer(Int(element)) }
  }

  mutating func operation(_ operation: Step.Operation) {
    switch operation {
    case .affine(let affine):
      text("affine")
      geometry(affine.geometry)
      integer(affine.groups)
      integer(Int(affine.paddingCode))
      integers(affine.weights)
      integers(affine.bias)
      requantization(affine.requantization)
    case .lookup(let lookup):
      text("lookup")
      if let formula = lookup.formula {
        // It makes the table.
        text(formula.function.rawValue)
        integers([formula.multiplier, formula.shift])
      } else {
        integer(Int(lookup.lowest))
        integers(lookup.table)
      }
    case .combine(let combine):
      text("combine")
      text(combine.kind.rawValue)
      integers(combine.shape)
      for operand in [combine.left, combine.right] {
        integer(Int(operand.zeroPoint))
        multiplier(operand.multiplier)
        integers(operand.strides)
      }
      integer(combine.leftShift)
      requantization(combine.requantization)
    case .product(let product):
      text("product")
      integers(product.batch)
      integers([product.rows, product.columns, product.depth])
      for operand in [product.left, product.right] {
        integer(Int(operand.zeroPoint))
        integers(operand.batchStrides)
        integers([operand.lineStride, operand.depthStride])
      }
      integer(Int(product.bias))
      requantization(product.requantization)
    case .pool(let pool):
      text("pool")
      switch pool.kind {
      case .maximum: text("maximum")
      case .average: text("average")
      case .sum(let bias, let requantization, _):
        text("sum")
        integer(Int(bias))
        self.requantization(requantization)
      }
      if let code = pool.paddingCode {
        text("padded")
        integer(Int(code))
      }
      geometry(pool.geometry)
      range(pool.clamp)
    case .softmax(let softmax):
      switch softmax.kind {
      case .shares(let scale), .logarithms(let scale), .interpolated(let scale):
        text(softmax.isInterpolated ? "interpolated softmax" : softmax.isLogarithmic ? "log softmax" : "softmax")
        integers([softmax.rows, softmax.depth, Int(scale.mantissa), scale.leftShift])
        integer(Int(scale.leastDifference))
      case .tabulated(let table):
        text("tabulated softmax")
        integers([softmax.rows, softmax.depth, Int(table.mantissa), table.exponent, Int(table.zeroPoint)])
        integers(table.entries)
        range(table.codes)
      }
    case .normalize(let normalization):
      switch normalization.kind {
      case .length(let rounding):
        text("normalize")
        integers([normalization.rows, normalization.depth, Int(normalization.zeroPoint)])
        text(rounding.rawValue)
      case .scores(let scores):
        text("scores")
        integers([normalization.rows, normalization.depth, Int(normalization.zeroPoint), scores.isCentred ? 1 : 0])
        integers([
          Int(scores.epsilon), scores.fractionBits, Int(scores.largestSpread), scores.scoreBits, Int(scores.largestScore),
          scores.run, scores.codeShift, Int(scores.zeroPoint),
        ])
        integers(scores.gains)
        integers(scores.offsets)
        range(scores.codes)
      }
    case .signal(let signal):
      text("signal")
      self.signal(signal)
    case .move(let move):
      text("move")
      list(move.fill.map { [$0] } ?? []) { $0.integer(Int($1)) }
      list(move.copies) { writer, copy in
        writer.integer(copy.operand)
        writer.integers(copy.sizes)
        writer.integer(copy.sourceStart)
        writer.integers(copy.sourceStrides)
        writer.integer(copy.targetStart)
        writer.integers(copy.targetStrides)
      }
    }
  }

  mutating func signal(_ signal: Signal) {
    func subtraction(_ name: String, _ s: SpectralSubtraction) {
      text(name)
      integers(s.smoothing + s.oneMinusSmoothing)
      integers([s.least, s.smoothingBits, s.bits, s.isClamped ? 1 : 0])
    }
    switch signal {
    case .room: text("room")
    case .shifted: text("shifted")
    case .spectrum(let transform):
      text("spectrum")
      integer(transform.length)
    case .samples(let transform):
      text("samples")
      integer(transform.length)
    case .energy(let bins):
      text("energy")
      integers([bins.lowerBound, bins.upperBound])
    case .filterBank(let bank):
      text("filter bank")
      list(bank.bins) { $0.integers([$1.lowerBound, $1.upperBound]) }
      integers(bank.weights)
      integers(bank.nextWeights)
    case .root: text("root")
    case .noise(let s): subtraction("noise", s)
    case .remainder(let s): subtraction("remainder", s)
    case .gain(let table, let shift):
      text("gain")
      integers(table)
      integer(shift)
    case .logarithm(let scale, let bits):
      text("logarithm")
      integers([scale, bits])
    }
  }

  mutating func geometry(_ g: WindowGeometry) {
    integers([
      g.batch, g.inputHeight, g.inputWidth, g.inputChannels, g.outputHeight, g.outputWidth, g.outputChannels,
      g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth, g.paddingTop,
      g.paddingLeft,
    ])
  }
  mutating func multiplier(_ multiplier: Multiplier) {
    integer(Int(multiplier.mantissa))
    integer(multiplier.exponent)
  }
  mutating func range(_ range: ClosedRange<Int64>) {
    integer(Int(range.lowerBound))
    integer(Int(range.upperBound))
  }
  mutating func requantization(_ requantization: Requantization) {
    list(requantization.multipliers) { $0.multiplier($1) }
    text(requantization.rounding.rawValue)
    integer(Int(requantization.zeroPoint))
    range(requantization.clamp)
  }
}
