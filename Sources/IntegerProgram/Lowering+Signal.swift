import Arithmetic
import Network

// Operators of the signal library → windows as weighted sums, frames as moves (`framer`), the rest as `Signal`.
extension Lowering {
  mutating func signal(_ operation: Operation, _ function: SignalFunction) throws(LayerFault) {
    guard function.isSound else { throw LayerFault("its options are none that its kernel takes") }
    switch function {
    case .framer(let size, let step, _): try framer(operation, function, size: size, step: step)
    case .stacker(let channels, let left, let right, let step):
      try stacker(operation, channels: channels, left: left, right: right, step: step)
    case .delay(let length): try delay(operation, by: length)
    case .overlapAdd(let step): try overlapAdd(operation, step: step)
    case .window(let shift): try window(operation, shift: shift)
    case .autoScale:
      let x = try plain(operation, 0, .int16, "input")
      try requireShape(operation, network.tensors[operation.outputs[0]].shape, of: x)
      guard operation.outputs.count == 2, network.tensors[operation.outputs[1]].count == 1 else {
        throw LayerFault("it does not have the outputs scaled samples and number of bits")
      }
      let tensor = network.tensors[operation.outputs[1]]
      var bits = integers(tensor.shape, Signal.room.outputRange, like: values[x])
      bits.name = tensor.name
      let room = emitIntermediate(.signal(.room), inputs: [x], output: bits)
      values[room].tensor = operation.outputs[1]
      valueOfTensor[operation.outputs[1]] = room
      try emit(.shifted, operation, [x, room], .int16)
    case .fourier(let length):
      let x = try plain(operation, 0, .int16, "input")
      guard let transform = FourierTransform(length: length), values[x].count <= length,
        values[x].shape.last == values[x].count
      else {
        throw LayerFault(
          "it transforms \(values[x].shape) samples over \(length)",
          remedy:
            "one frame of at most as many samples as the length, a power of two from \(FourierTransform.lengths.lowerBound) "
            + "to \(FourierTransform.lengths.upperBound)")
      }
      try emit(.spectrum(transform), operation, [x], .int16)
    case .inverseFourier(let length):
      let x = try plain(operation, 0, .int16, "input")
      guard let transform = FourierTransform(length: length, isInverse: true), values[x].count == length + 2,
        values[x].shape.last == values[x].count
      else {
        throw LayerFault(
          "it makes \(length) samples of a spectrum of the shape \(values[x].shape)",
          remedy: "one spectrum of two parts for each of length / 2 + 1 bins, the length a power of two from "
            + "\(FourierTransform.lengths.lowerBound) to \(FourierTransform.lengths.upperBound)")
      }
      try emit(.samples(transform), operation, [x], .int16)
    case .energy(let bins):
      let x = try plain(operation, 0, .int16, "input")
      let count = values[x].count / 2
      guard values[x].count % 2 == 0, bins.upperBound <= count else {
        throw LayerFault("its bins \(bins) are not among the \(count) of its input")
      }
      // The reference leaves the others as its memory held them.
      let output = operation.outputs[0]
      let readers = network.operations.filter { $0.inputs.contains(output) }
      guard bins == 0..<count || !network.outputs.contains(output) && readers.allSatisfy(\.isFilterBank) else {
        throw LayerFault(
          "it makes only the bins \(bins), and others are read than those that a filter bank takes",
          remedy: "let a SignalFilterBank alone read it")
      }
      try emit(.energy(bins), operation, [x], .uint32)
    case .filterBank(let channels): try filterBank(operation, channels: channels)
    case .squareRoot:
      let x = try plain(operation, 0, .uint64, "input")
      guard operation.inputs.count == 2, let bits = operation.inputs[1].flatMap({ valueOfTensor[$0] }),
        values[bits].count == 1, values[bits].type.range == Signal.room.outputRange
      else { throw LayerFault("its number of bits (input 1) is not that of a SignalFftAutoScale") }
      try emit(.root, operation, [x, bits], .uint32)
    case .subtraction(let subtraction):
      let x = try plain(operation, 0, .uint32, "input")
      guard operation.inputs.count == 2, operation.outputs.count == 2 else {
        throw LayerFault("it does not have one input, and the outputs signal and noise")
      }
      let noise = try plain(operation, 1, .uint32, "noise")
      guard values[noise].count == values[x].count else {
        throw LayerFault("its signal has \(values[x].count) channels, and its noise \(values[noise].count)")
      }
      let new = try output(of: .noise(subtraction), operation, at: 1, [x, noise], .uint32)
      try emit(.remainder(subtraction), operation, [x, new], .uint32)
    case .gainControl(let shift):
      let (x, noise) = (try plain(operation, 0, .uint32, "input"), try plain(operation, 1, .uint32, "noise"))
      guard values[noise].count == values[x].count else {
        throw LayerFault("its signal has \(values[x].count) channels, and its noise \(values[noise].count)")
      }
      let table = try table(operation, 2, "table of gains")
      guard table.count == pieceCount else {
        throw LayerFault(
          "its table of gains has \(table.count) elements, and the noise may choose any of \(pieceCount)")
      }
      try emit(.gain(table: table, shift: shift), operation, [x, noise], .uint32)
    case .logarithm(let scale, let bits):
      let x = try plain(operation, 0, .uint32, "input")
      guard Signal.logarithmFits(scale: scale) else {
        throw LayerFault("its logarithm times \(scale) could overflow 32 bits", remedy: "a smaller output_scale")
      }
      try emit(.logarithm(scale: scale, correctionBits: bits), operation, [x], .int16)
    }
  }

  /// An input of integers of a type, without scale.
  mutating func plain(
    _ operation: Operation, _ position: Int, _ type: ElementType, _ role: String
  ) throws(LayerFault) -> Int {
    let value = try input(operation, position, role)
    guard let tensor = operation.inputs[position], network.tensors[tensor].type == type,
      type != .int16 || values[value].type == CodeType(bits: 16, isSigned: true)
    else {
      throw LayerFault("its \(role) (input \(position)) is \(values[value].type), not \(type)")
    }
    return value
  }

  private func requireShape(_ operation: Operation, _ shape: [Int], of x: Int) throws(LayerFault) {
    guard values[x].shape == shape else {
      throw LayerFault("its output has the shape \(shape) in the file, but its input is \(values[x].shape)")
    }
  }

  private func table(_ operation: Operation, _ position: Int, _ role: String) throws(LayerFault) -> [Int16] {
    guard position < operation.inputs.count, let tensor = operation.inputs[position],
      network.tensors[tensor].type == .int16, let integers = network.tensors[tensor].integers
    else { throw LayerFault("its \(role) (input \(position)) is no constant of int16") }
    return integers.map { Int16(truncatingIfNeeded: $0) }
  }

  private mutating func emit(
    _ signal: Signal, _ operation: Operation, _ inputs: [Int], _ type: ElementType
  ) throws(LayerFault) {
    _ = try output(of: signal, operation, at: 0, inputs, type)
  }

  /// Emits a step that makes one of an operation's outputs, and returns where that lies.
  private mutating func output(
    of signal: Signal, _ operation: Operation, at position: Int, _ inputs: [Int], _ type: ElementType
  ) throws(LayerFault) -> Int {
    let tensor = network.tensors[operation.outputs[position]]
    let words = signal.outputCount(of: values[inputs[0]].count * signal.operandCodes[0]) / signal.outputCodes
    guard tensor.type == type, tensor.count == words, !tensor.shape.isEmpty else {
      throw LayerFault(
        "its output \(position) is \(tensor.type) of shape \(tensor.shape) in the file, and the operator makes \(words) of "
          + "\(type)")
    }
    let value = try makeValue(ofTensor: operation.outputs[position]).get()
    guard value.type == signal.outputType else { throw LayerFault("its output \(position) has codes of \(value.type)") }
    return make(value, .signal(signal), from: inputs, range: signal.outputRange)
  }

  /// `⌊x · weight / 2^shift⌋` is the nearest integer to what lies half a unit below, ties upward.
  private mutating func window(_ operation: Operation, shift: Int) throws(LayerFault) {
    let x = try plain(operation, 0, .int16, "input")
    let weights = try table(operation, 1, "weights").map { Int64($0) }
    let output = try output(operation)
    let count = weights.count
    guard values[x].shape.last == count, shift < 30 else {
      throw LayerFault("its \(count) weights and shift by \(shift) do not fit frames of shape \(values[x].shape)")
    }
    try require(shape: values[x].shape, of: output)
    guard output.type == CodeType(bits: 16, isSigned: true) else {
      throw LayerFault("its output is \(output.type), not int16")
    }
    let frames = values[x].count / count
    let (affine, codes) = try affine(
      WeightedSums(
        geometry: WindowGeometry(
          batch: 1, inputHeight: 1, inputWidth: frames, inputChannels: count, outputHeight: 1, outputWidth: frames,
          outputChannels: count, kernelHeight: 1, kernelWidth: 1), groups: count, weights: weights,
        inputRange: values[x].range, inputZeroPoint: 0),
      QuantizedSum(
        requantization: Requantization(
          multipliers: [.powerOfTwo(-shift)], rounding: .halfUpShift, zeroPoint: 0, clamp: output.type.range),
        offsets: Array(repeating: shift == 0 ? 0 : -(1 << Int64(shift - 1)), count: count)))
    emit(.affine(affine), operation, inputs: [x], output: output, range: codes)
  }

  private mutating func filterBank(_ operation: Operation, channels: Int) throws(LayerFault) {
    let x = try plain(operation, 0, .uint32, "input")
    let roles = ["weights", "weights of the next channel", "first bins", "first weights", "widths"]
    var tables: [[Int16]] = []
    for (place, role) in roles.enumerated() { tables.append(try table(operation, place + 1, role)) }
    let (weights, next) = (tables[0], tables[1])
    guard tables[2...].allSatisfy({ $0.count > channels }) else {
      throw LayerFault(
        "it has no first bin, weight and width for each of \(channels) channels and the one in front of them")
    }
    // What the reference makes of the bins; an energy may have made fewer.
    var made = 0..<values[x].count
    let source = network.operations.first { $0.outputs.contains { $0 == operation.inputs[0] } }
    if case .signal(.energy(let bins))? = source?.kind { made = bins }
    var bank = Signal.FilterBank(bins: [], weights: [], nextWeights: [])
    for channel in 0...channels {
      let (bin, first, width) = (Int(tables[2][channel]), Int(tables[3][channel]), Int(tables[4][channel]))
      guard width >= 0, first >= 0, first + width <= min(weights.count, next.count), bin >= 0,
        width == 0 || made.contains(bin) && bin + width <= made.upperBound
      else {
        throw LayerFault(
          "its channel \(channel) takes \(width) bins from \(bin), by the weights from \(first), and there are the bins "
            + "\(made) and \(min(weights.count, next.count)) weights")
      }
      bank.bins.append(width == 0 ? 0..<0 : bin..<bin + width)
      bank.weights += weights[first..<first + width]
      bank.nextWeights += next[first..<first + width]
    }
    guard (bank.weights + bank.nextWeights).allSatisfy({ $0 >= 0 }) else {
      throw LayerFault("it has negative weights, whose sums the reference lets wrap around")
    }
    weightCount += bank.weights.count
    guard weightCount <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
    }
    try emit(.filterBank(bank), operation, [x], .uint64)
  }
}

extension Operation {
  fileprivate var isFilterBank: Bool {
    if case .signal(.filterBank) = kind { true } else { false }
  }
}
