import Arithmetic
import Network

// Operators of the signal library that keep samples for the next run → moves, and sums where frames overlap.
extension Lowering {
  /// Frames of `size` samples, each `step` behind the one before: of those that the run before left, and the input's.
  mutating func framer(_ operation: Operation, size: Int, step: Int) throws(LayerFault) {
    let (x, channels, count) = try samples(operation)
    guard count % step == 0 else {
      throw LayerFault("its input has \(count) samples a channel, which are no whole number of steps of \(step)")
    }
    let (joined, kept) = try joinedWithPast(operation, x, channels, count, keeping: size - step)
    let output = try plainOutput(operation)
    try require(shape: values[x].shape.dropLast() + [count / step, size], of: output)
    let frames = Move.Copy(
      operand: 0, sizes: [channels, count / step, size], sourceStart: 0, sourceStrides: [kept + count, step, 1],
      targetStart: 0, targetStrides: [count / step * size, size, 1])
    emit(.move(Move(copies: [frames.merged()])), operation, inputs: [joined], output: output, range: values[joined].range)
    keepPast(operation, part(of: joined, channels, from: count, kept, "past"))
  }

  mutating func delay(_ operation: Operation, by length: Int) throws(LayerFault) {
    let (x, channels, count) = try samples(operation)
    let (joined, kept) = try joinedWithPast(operation, x, channels, count, keeping: length)
    let output = try plainOutput(operation)
    try require(shape: values[x].shape, of: output)
    emit(
      .move(Self.block(channels, of: kept + count, from: 0, count, in: count, to: 0)), operation, inputs: [joined],
      output: output, range: values[joined].range)
    keepPast(operation, part(of: joined, channels, from: count, kept, "past"))
  }

  /// Each frame that is added takes steps of its own.
  private static let mostFrames = 256

  /// Frames that overlap are added, saturated (`OverlapAdd`); of each, `step` samples are done.
  mutating func overlapAdd(_ operation: Operation, step: Int) throws(LayerFault) {
    let x = try plain(operation, 0, .int16, "input")
    let shape = values[x].shape
    guard shape.count >= 2, let size = shape.last, step > 0, step <= size else {
      throw LayerFault("its frames of shape \(shape) do not overlap in steps of \(step) samples")
    }
    let frames = shape[shape.count - 2]
    guard frames <= Self.mostFrames else {
      throw LayerFault(
        "it adds \(frames) frames in one call, each by steps of its own; at most \(Self.mostFrames) are taken",
        remedy: "call the network with fewer frames at a time: what overlaps is kept from one call to the next")
    }
    let channels = shape.dropLast(2).reduce(1, *)
    let output = try plainOutput(operation)
    try require(shape: shape.dropLast(2) + [frames * step], of: output)
    let kept = size - step
    var past = try kept > 0 ? self.past(operation, channels * kept) : nil
    var done: [Int] = []
    for frame in 0..<frames {
      // Samples that nothing overlaps yet are the frame's own.
      func ofFrame(_ start: Int, _ count: Int) -> Int {
        let copy = Move.Copy(
          operand: 0, sizes: [channels, count], sourceStart: frame * size + start, sourceStrides: [frames * size, 1],
          targetStart: 0, targetStrides: [count, 1])
        return make(
          intermediate([channels, count], like: output), .move(Move(copies: [copy.merged()])), from: [x],
          range: values[x].range)
      }
      var sums = ofFrame(0, size)
      if let overlapping = past {
        let sum = try makeExact(
          intermediate([channels, kept], like: output), .sum, ofFrame(0, kept), overlapping,
          shapes: ([channels * kept], [channels * kept]), clamp: output.type.range)
        let whole = [
          Self.block(channels, of: kept, from: 0, kept, in: size, to: 0),
          Self.block(channels, of: step, from: 0, step, in: size, to: kept, operand: 1),
        ]
        sums = make(
          intermediate([channels, size], like: output), .move(Move(copies: whole.flatMap(\.copies))),
          from: [sum, ofFrame(kept, step)], range: output.type.range)
        past = part(of: sums, channels, from: step, kept, "past")
      }
      done.append(part(of: sums, channels, from: 0, step, "done"))
    }
    let copies = done.indices.flatMap { frame in
      Self.block(channels, of: step, from: 0, step, in: frames * step, to: frame * step, operand: frame).copies
    }
    emit(.move(Move(copies: copies)), operation, inputs: done, output: output, range: output.type.range)
    if let past { keepPast(operation, past) }
  }

  // MARK: Samples of channels

  /// An input of samples: where it lies, its channels, and how many each has.
  private mutating func samples(_ operation: Operation) throws(LayerFault) -> (value: Int, channels: Int, count: Int) {
    let x = try plain(operation, 0, .int16, "input")
    guard let count = values[x].shape.last else { throw LayerFault("its input has no axis of samples") }
    return (x, values[x].count / count, count)
  }

  private func plainOutput(_ operation: Operation) throws(LayerFault) -> Value {
    let output = try output(operation)
    guard output.type == CodeType(bits: 16, isSigned: true) else {
      throw LayerFault("its output is \(output.type), not int16")
    }
    return output
  }

  private mutating func past(_ operation: Operation, _ count: Int) throws(LayerFault) -> Int {
    guard operation.inputs.count == 2, operation.outputs.count == 2 else {
      throw LayerFault("it does not have one input and one output of samples")
    }
    let past = try plain(operation, 1, .int16, "past")
    guard values[past].count == count else {
      throw LayerFault("the run before leaves \(values[past].count) samples, and it takes \(count)")
    }
    return past
  }

  /// The samples that the run before left, with the input's behind them; how many were left of each channel.
  private mutating func joinedWithPast(
    _ operation: Operation, _ x: Int, _ channels: Int, _ count: Int, keeping kept: Int
  ) throws(LayerFault) -> (joined: Int, kept: Int) {
    guard kept > 0 else { return (x, 0) }
    let past = try past(operation, channels * kept)
    let copies = [
      Self.block(channels, of: kept, from: 0, kept, in: kept + count, to: 0),
      Self.block(channels, of: count, from: 0, count, in: kept + count, to: kept, operand: 1),
    ]
    let joined = make(
      intermediate([channels, kept + count], like: values[x]), .move(Move(copies: copies.flatMap(\.copies))),
      from: [past, x], range: union(values[past].range, values[x].range))
    return (joined, kept)
  }

  /// What the next run finds; nothing where nothing is kept.
  private mutating func keepPast(_ operation: Operation, _ past: Int) {
    if operation.outputs.count == 2 { valueOfTensor[operation.outputs[1]] = past }
  }

  /// Of each channel so many samples.
  private mutating func part(of value: Int, _ channels: Int, from start: Int, _ count: Int, _ name: String) -> Int {
    let width = values[value].count / channels
    guard count > 0, count < width else { return value }
    var part = intermediate([channels, count], like: values[value])
    part.name = name
    return make(
      part, .move(Self.block(channels, of: width, from: start, count, in: count, to: 0)), from: [value],
      range: values[value].range)
  }

  /// Copies `count` samples of each channel, which has `width` of them, to a place in one of `target`.
  private static func block(
    _ channels: Int, of width: Int, from start: Int, _ count: Int, in target: Int, to place: Int, operand: Int = 0
  ) -> Move {
    Move(copies: [
      Move.Copy(
        operand: operand, sizes: [channels, count], sourceStart: start, sourceStrides: [width, 1], targetStart: place,
        targetStrides: [target, 1]
      ).merged()
    ])
  }
}
