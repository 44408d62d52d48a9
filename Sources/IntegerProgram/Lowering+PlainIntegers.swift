import Arithmetic
import Network

// Tensors of integers that have neither scale nor zero point, and stand for themselves.
extension Lowering {
  /// How many codes of 16 bits a word of a wider type is; nil of types that are codes.
  static func codesOfWord(_ type: ElementType) -> Int? { [.uint32: 2, .uint64: 4][type] }

  static func codes(ofWords words: [Int64], _ codes: Int) -> [Int32] {
    Signal.codes(ofWords: words.map { UInt64(bitPattern: $0) }, codes: codes)
  }

  /// The value of a tensor of int16 without scale, or of words, whose codes `spreadWords` puts beside each other in the
  /// end; nil of others.
  func plainInteger(ofTensor index: Int) -> Value? {
    let tensor = network.tensors[index]
    guard isTensorFlowLite, tensor.quantization == nil else { return nil }
    let codes = Self.codesOfWord(tensor.type)
    guard codes != nil || tensor.type == .int16 else { return nil }
    var value = Value(
      name: tensor.name, tensor: index, shape: tensor.shape, type: CodeType(bits: 16, isSigned: codes == nil), scale: 1,
      zeroPoint: 0)
    if let integers = tensor.integers {
      let constant = codes.map { Self.codes(ofWords: integers, $0) } ?? integers.map { Int32(truncatingIfNeeded: $0) }
      value.constant = constant
      value.range = Int64(constant.min() ?? 0)...Int64(constant.max() ?? 0)
    }
    return value
  }

  /// Begins arithmetic on int32 by casting codes that stand for themselves (`lowerIndices` goes on with it). False
  /// where the operation does something else; a fault where it computes in a way that integers without scale have no
  /// meaning for.
  mutating func lowerPlainIntegers(_ operation: Operation) throws(LayerFault) -> Bool {
    guard let input = operation.inputs.first(where: { $0.map(isPlain) ?? false }) ?? nil else { return false }
    switch operation.kind {
    case .signal, .reshape, .squeeze, .expandDimensions: return false
    case .concatenation(_, .none), .stridedSlice, .slice, .split, .splitSizes, .pack, .unpack, .pad:
      // The reference moves no words.
      if Self.codesOfWord(network.tensors[input].type) == nil { return false }
    case .constant(.cast) where Self.codesOfWord(network.tensors[input].type) == nil:
      guard network.tensors[operation.outputs[0]].type == .int32 else { break }
      let value = try self.input(operation, 0, "input")
      indexFunctions[operation.outputs[0]] = IndexFunction(value: value, integers: Array(values[value].type.range))
      return true
    default: break
    }
    throw LayerFault(
      "its input \"\(network.tensors[input].name.printable())\" is \(network.tensors[input].type) without scale and zero "
        + "point, which only operators of signals, some that move elements, and CAST of int16 to int32 take",
      remedy: "cast to int32, compute with constants, and cast to int8")
  }

  private func isPlain(_ tensor: Int) -> Bool {
    network.tensors[tensor].constant == nil && plainInteger(ofTensor: tensor) != nil
  }

  /// The codes that integers are cast to, by a tensor of them; nil where it holds no codes.
  func plainCodes(ofTensor index: Int) -> Value? {
    let tensor = network.tensors[index]
    guard [.int8, .uint8, .int16].contains(tensor.type) else { return nil }
    if let value = try? makeValue(ofTensor: index).get() { return value }
    guard tensor.quantization == nil, tensor.type != .int16 else { return nil }
    return Value(
      name: tensor.name, tensor: index, shape: tensor.shape, type: CodeType(bits: 8, isSigned: tensor.type == .int8),
      scale: 1, zeroPoint: 0)
  }

  /// Emits the codes `integers`, one for every code of `x`, of which the output's type keeps the lowest bits: as a
  /// requantisation where one gives just these, else as a table.
  mutating func emitCodes(of integers: [Int64], from x: Int, _ output: Value) throws(LayerFault) {
    let unused = Int64(64 - output.type.bits)
    let isSigned = output.type.isSigned
    let codes = integers.map {
      isSigned ? ($0 << unused) >> unused : Int64(bitPattern: UInt64(bitPattern: $0 << unused) >> UInt64(unused))
    }
    let (domain, range) = (values[x].type.range, values[x].range)
    let reached = Array(codes[Int(range.lowerBound - domain.lowerBound)...Int(range.upperBound - domain.lowerBound)])
    guard let requantization = Self.requantization(of: reached, from: range) else {
      _ = makeTable(output, of: x) { codes[Int($0 - domain.lowerBound)] }
      return
    }
    let count = values[x].count
    let (affine, made) = try affine(
      WeightedSums(
        geometry: WindowGeometry(
          batch: 1, inputHeight: 1, inputWidth: count, inputChannels: 1, outputHeight: 1, outputWidth: count,
          outputChannels: 1, kernelHeight: 1, kernelWidth: 1), groups: 1, weights: [1], inputRange: range,
        inputZeroPoint: 0),
      QuantizedSum(requantization: requantization, offsets: [0]))
    _ = make(output, .affine(affine), from: [x], range: made)
  }

  /// A requantisation that makes `codes` of the codes of a range: they rise from 0's at an even pace, in whole numbers
  /// rounded to the nearest. It is tried on all of them.
  private static func requantization(of codes: [Int64], from range: ClosedRange<Int64>) -> Requantization? {
    guard range.lowerBound >= 0, let first = codes.first, let last = codes.last, first < last else { return nil }
    var (least, most) = (0.0, Double.infinity)
    for (before, place) in zip(codes, codes.indices.dropFirst()) where codes[place] != before {
      guard codes[place] > before else { return nil }
      // From here on the product passes the half in front of the code; one before it does not yet.
      let x = Double(range.lowerBound + Int64(place))
      least = max(least, (Double(codes[place] - first) - 0.5) / x)
      if x > 1 { most = min(most, (Double(before + 1 - first) - 0.5) / (x - 1)) }
    }
    guard least < most, most.isFinite, let multiplier = Multiplier((least + most) / 2) else { return nil }
    let result = Requantization(
      multipliers: [multiplier], rounding: .single, zeroPoint: Int32(first), clamp: first...last)
    for (code, x) in zip(codes, range) where Int64(result.code(Int32(x), channel: 0)) != code { return nil }
    return result
  }

  /// Gives every value of words its codes, as a dimension behind the others, and has moves move them all.
  mutating func spreadWords() {
    var codes: [Int: Int] = [:]
    for (tensor, value) in valueOfTensor.enumerated() {
      guard let value, values[value].tensor == tensor else { continue }
      codes[value] = plainInteger(ofTensor: tensor).flatMap { _ in Self.codesOfWord(network.tensors[tensor].type) }
    }
    for index in steps.indices {
      guard case .move(var move) = steps[index].operation,
        let count = steps[index].inputs.compactMap({ codes[$0] }).first
      else { continue }
      codes[steps[index].output] = count
      move.copies = move.copies.map { copy in
        Move.Copy(
          operand: copy.operand, sizes: copy.sizes + [count], sourceStart: copy.sourceStart * count,
          sourceStrides: copy.sourceStrides.map { $0 * count } + [1], targetStart: copy.targetStart * count,
          targetStrides: copy.targetStrides.map { $0 * count } + [1]
        ).merged()
      }
      steps[index].operation = .move(move)
    }
    for (value, count) in codes { values[value].shape.append(count) }
    for (tensors, role) in [(network.inputs, "input"), (network.outputs, "output")] {
      for tensor in tensors.dropLast(network.states.count) {
        guard let count = Self.codesOfWord(network.tensors[tensor].type) else { continue }
        noteWords(role, network.tensors[tensor].name, codes: count)
      }
    }
  }

  mutating func noteWords(_ role: String, _ name: String, codes count: Int) {
    notices.append(
      "the \(role) \"\(name.printable())\" holds numbers of \(16 * count) bits, each of which is \(count) codes, the "
        + "lowest first")
  }
}
