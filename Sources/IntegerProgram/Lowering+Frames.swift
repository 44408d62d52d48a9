import Arithmetic
import Network

// Operators of the signal library that keep samples for the next run → moves, and sums where frames overlap.
extension Lowering {
  /// Frames of `size` samples, each `step` behind the one before: of those that the run before left, and the input's.
  mutating func framer(
    _ operation: Operation, _ function: SignalFunction, size: Int, step: Int
  ) throws(LayerFault) {
    let (x, channels, count) = try samples(operation)
    guard count % step == 0 else {
      throw LayerFault("its input has \(count) samples a channel, which are no whole number of steps of \(step)")
    }
    let (joined, kept) = try joinedWithPast(
      operation, x, channels, count, keeping: function.samplesLeft(of: values[x].shape).last ?? 0)
    let output = try plainOutput(operation)
    try require(shape: values[x].shape.dropLast() + [count / step, size], of: output)
    let frames = Move.Copy(
      operand: 0, sizes: [channels, count / step, size], sourceStart: 0, sourceStrides: [kept + count, step, 1],
      targetStart: 0, targetStrides: [count / step * size, size, 1])
    emit(.move(Move(copies: [frames.merged()])), operation, inputs: [joined], output: output, range: values[joined].range)
    keepPast(operation, part(of: joined, channels, from: count, kept, "past"))
    guard function.firstCount != nil else { return }
    // So many steps are kept in front of the one that makes the first frame.
    let steps = Int64(kept / step)
    let old = try self.count(operation)
    guard steps <= values[old].type.range.upperBound else {
      throw LayerFault("a frame of \(size) samples takes \(steps + 1) steps of \(step), more than its count has room for")
    }
    let here = constant([min(steps, Int64(count / step))], shape: [1], like: values[old])
    let new = try makeExact(intermediate([1], like: values[old]), .sum, old, here, clamp: 0...steps)
    // The run's first frame may be missing alone.
    try emitCount(operation, new, of: old, enough: steps)
  }

  /// Frames of `channels` numbers: one a call, beside those in front of it and those behind it.
  mutating func stacker(
    _ operation: Operation, channels: Int, left: Int, right: Int, step: Int
  ) throws(LayerFault) {
    let x = try plain(operation, 0, .int16, "input")
    let (width, output) = (left + right + 1, try plainOutput(operation))
    guard values[x].count == channels, output.count == width * channels, step <= width else {
      throw LayerFault(
        "its input of \(values[x].count) and its output of \(output.count) numbers do not fit \(channels) channels, "
          + "\(width) of which make a stack, each \(step) behind the one before")
    }
    guard width > 1 else {
      return emit(
        .move(.identity(count: channels)), operation, inputs: [x], output: output, range: values[x].range)
    }
    let (past, old) = (try self.past(operation, (width - 1) * channels), try count(operation))
    // There is no count yet in front of the first frame, which then stands for those that would be in front of it: zeros
    // are there, to which it is added.
    let isFirst = try makeExact(
      integers([1], 0...1, like: values[old]), .difference, constant([0], shape: [1], like: values[old]), old,
      clamp: 0...1)
    var before = past
    if left > 0 {
      let first = try makeExact(
        intermediate([channels], like: values[x]), .product, x, isFirst, shapes: ([channels], [1]),
        clamp: output.type.range)
      before = try makeExact(
        intermediate([width - 1, channels], like: values[x]), .sum, past, first, shapes: ([width - 1, channels], [1, channels]),
        clamp: output.type.range)
    }
    let copies = [
      Self.block(1, of: (width - 1) * channels, from: 0, (width - 1) * channels, in: width * channels, to: 0),
      Self.block(1, of: channels, from: 0, channels, in: width * channels, to: (width - 1) * channels, operand: 1),
    ]
    let stack = make(
      output, .move(Move(copies: copies.flatMap(\.copies))), from: [before, x],
      range: union(values[before].range, values[x].range))
    keepPast(operation, part(of: stack, 1, from: channels, (width - 1) * channels, "past"))
    // As many frames as there are: with the new one, and in front of the first one its copies.
    let there = try makeExact(
      intermediate([1], like: values[old]), .sum, isFirst, old, gain: left + 1, plus: 1, clamp: 0...Int64(width))
    let isMissing = try makeExact(
      integers([1], 0...1, like: values[old]), .difference, constant([Int64(width)], shape: [1], like: values[old]), there,
      clamp: 0...1)
    // A stack uses up its step.
    let new = try makeExact(
      intermediate([1], like: values[old]), .sum, isMissing, there, gain: step, plus: -Int32(step),
      clamp: 0...Int64(width - 1))
    try emitCount(operation, new, of: there, enough: Int64(width))
  }

  // MARK: Counts of samples

  /// How many samples there were before, as far as they are counted.
  private mutating func count(_ operation: Operation) throws(LayerFault) -> Int {
    let count = operation.inputs.count == 3 && operation.outputs.count == 4 ? try plain(operation, 2, .int16, "count") : nil
    guard let count, values[count].count == 1 else {
      throw LayerFault(
        "it has no second output that says whether its first is anything", remedy: "give it one of one truth value")
    }
    return count
  }

  /// Leaves a count for the next run, and says whether `made`, of which so many are enough, makes the output anything.
  private mutating func emitCount(
    _ operation: Operation, _ new: Int, of made: Int, enough: Int64
  ) throws(LayerFault) {
    let valid = try makeValue(ofTensor: operation.outputs[2]).get()
    let less = constant([enough - 1], shape: [1], like: values[made])
    _ = try makeExact(valid, .difference, made, less, shapes: ([1], [1]), clamp: 0...1)
    valueOfTensor[operation.outputs[3]] = new
    let name = network.tensors[operation.outputs[0]].name.printable()
    notices.append(
      "\"\(name)\" is complete in those runs alone in which \"\(valid.name.printable())\" is 1; in others TensorFlow Lite "
        + "Micro leaves what its memory held, and the program what came last, with zeros in front of it")
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
    guard operation.inputs.count >= 2, operation.outputs.count >= 2 else {
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
    if operation.outputs.count >= 2 { valueOfTensor[operation.outputs[1]] = past }
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
