import Arithmetic
import Certificates
import DifferentialTesting
import IntegerProgram
import Properties
import Simulation

/// A program, a box of its inputs, and what all of them lead to, by the reference interpreter.
struct Instance: Sendable {
  let seed: UInt64
  let program: IntegerProgram
  let bounded: BoundedProgram
  let box: [ClosedRange<Int32>]
  let points: [[Int32]]
  /// By point, all outputs flat.
  let outputs: [[Int32]]

  /// The instance of a seed with at most so many points. Programs whose requantisation cannot be proved to fit its
  /// register are passed over for the next that the seed leads to.
  init(seed: UInt64, largest: Int? = nil, isWide: Bool = false) {
    var random = SeededGenerator(seed: seed)
    while true {
      let program = RandomProgram.make(SeededGenerator(seed: random.next()), isWide: isWide)
      guard let bounded = try? BoundedProgram(program) else { continue }
      let largest = largest ?? random.choice(of: [(50, 60), (40, 200), (9, 600), (1, 3000)])
      self.init(
        seed: seed, bounded, box: Self.box(of: program, points: largest, &random))
      return
    }
  }

  /// The same of a row of signal operators, which has few inputs.
  init(signals seed: UInt64, largest: Int) {
    var random = SeededGenerator(seed: seed)
    while true {
      let network = RandomNetwork.makeSignals(seed: random.next())
      guard let program = try? IntegerProgram(lowering: network), program.inputElements.count <= 24,
        let bounded = try? BoundedProgram(program)
      else { continue }
      self.init(seed: seed, bounded, box: Self.box(of: program, points: largest, &random))
      return
    }
  }

  init(seed: UInt64 = 0, _ bounded: BoundedProgram, box: [ClosedRange<Int32>]) {
    self.seed = seed
    program = bounded.program
    self.bounded = bounded
    self.box = box
    points = Self.points(of: box)
    let interpreter = ReferenceInterpreter(bounded.program)
    outputs = points.map { Self.outputs(interpreter, $0) }
  }

  static func outputs(_ interpreter: ReferenceInterpreter, _ point: [Int32]) -> [Int32] {
    guard let outputs = try? interpreter.run(interpreter.program.inputs(flat: point)) else {
      preconditionFailure("the interpreter refuses a point of a box")
    }
    return outputs.flatMap { $0 }
  }

  /// A box around a random point, widened one element at a time.
  private static func box(
    of program: IntegerProgram, points: Int, _ random: inout SeededGenerator
  ) -> [ClosedRange<Int32>] {
    let ranges = program.inputRanges
    var box = ranges.map { range -> ClosedRange<Int32> in
      let code = Int32(random.integer(in: Int(range.lowerBound)...Int(range.upperBound)))
      return code...code
    }
    for _ in 0..<4 * box.count {
      let element = random.integer(in: 0...box.count - 1)
      let (range, most) = (box[element], ranges[element])
      let low = max(Int64(range.lowerBound) - Int64(random.integer(in: 0...2)), most.lowerBound)
      let high = min(Int64(range.upperBound) + Int64(random.integer(in: 0...3)), most.upperBound)
      var wider = box
      wider[element] = Int32(low)...Int32(high)
      if wider.reduce(1, { $0 * $1.count }) <= points { box = wider }
    }
    return box
  }

  static func points(of box: [ClosedRange<Int32>]) -> [[Int32]] {
    box.reduce([[]]) { points, range in points.flatMap { point in range.map { point + [$0] } } }
  }

  /// The first input that violates `property`, whose box must be this one.
  func counterexample(to property: Property) -> [Int32]? {
    points.indices.first { property.violation(inputs: points[$0], outputs: outputs[$0]) != nil }.map { points[$0] }
  }
}

/// Every code and accumulator that one input leads to.
struct Trace {
  /// By value, and by step; empty where a step has no accumulators.
  let codes, accumulators: [[Int32]]

  init(_ program: IntegerProgram, _ point: [Int32]) {
    let interpreter = ReferenceInterpreter(program)
    var codes = program.values.map { $0.constant ?? [] }
    for (input, part) in zip(program.inputs, program.inputs(flat: point)) { codes[input] = part }
    var accumulators: [[Int32]] = []
    for step in program.steps {
      let operands = step.inputs.map { codes[$0] }
      codes[step.output] = interpreter.codes(of: step, operands: operands)
      accumulators.append(Self.accumulators(step.operation, operands))
    }
    self.codes = codes
    self.accumulators = accumulators
  }

  /// By the definitions of the steps, in wide integers.
  private static func accumulators(_ operation: Step.Operation, _ operands: [[Int32]]) -> [Int32] {
    switch operation {
    case .affine(let affine):
      let geometry = affine.geometry
      return windows(geometry).flatMap { places in
        (0..<geometry.outputChannels).map { channel -> Int32 in
          let first = channel / affine.outputsPerGroup * affine.channelsPerGroup
          var sum = Int(affine.bias[channel])
          for (tap, place) in places.enumerated() {
            for i in 0..<affine.channelsPerGroup {
              let code = place.map { operands[0][$0 * geometry.inputChannels + first + i] } ?? affine.paddingCode
              let weight = channel * affine.weightsPerOutput + tap * affine.channelsPerGroup + i
              sum += Int(affine.weights[weight]) * Int(code)
            }
          }
          return Int32(sum)
        }
      }
    case .pool(let pool):
      var bias = 0
      switch pool.kind {
      case .maximum: return []
      case .average: break
      case .sum(let start, _, _): bias = Int(start)
      }
      return windows(pool.geometry).flatMap { places in
        (0..<pool.geometry.outputChannels).map { channel in
          let codes = places.compactMap { place in
            place.map { Int(operands[0][$0 * pool.geometry.inputChannels + channel]) } ?? pool.paddingCode.map { Int($0) }
          }
          return Int32(codes.reduce(bias, +))
        }
      }
    case .combine(let combine):
      let (a, b) = (combine.left.strides, combine.right.strides)
      let places = combine.shape.indices.reduce([(left: 0, right: 0)]) { places, axis in
        places.flatMap { place in
          (0..<combine.shape[axis]).map { (place.left + $0 * a[axis], place.right + $0 * b[axis]) }
        }
      }
      return places.map { combine.accumulator(operands[0][$0.left], operands[1][$0.right]) }
    case .product(let product):
      let (a, b) = (product.left, product.right)
      return product.matrixStarts.flatMap { start in
        (0..<product.rows * product.columns).map { place in
          let left = start.left + place / product.columns * a.lineStride
          let right = start.right + place % product.columns * b.lineStride
          return Int32(
            (0..<product.depth).reduce(Int(product.bias)) { sum, k in
              let x = Int(operands[0][left + k * a.depthStride]) - Int(a.zeroPoint)
              let y = Int(operands[1][right + k * b.depthStride]) - Int(b.zeroPoint)
              return sum + x * y
            })
        }
      }
    case .lookup, .softmax, .normalize, .signal, .move: return []
    }
  }

  /// For each output pixel, the input pixel that each tap reads; nil outside the image.
  private static func windows(_ geometry: WindowGeometry) -> [[Int?]] {
    (0..<geometry.outputPixels).map { pixel in
      (0..<geometry.taps).map { tap in
        let y = geometry.inputRow(pixel / geometry.outputWidth, tap: tap / geometry.kernelWidth)
        let x = geometry.inputColumn(pixel % geometry.outputWidth, tap: tap % geometry.kernelWidth)
        return (0..<geometry.inputHeight).contains(y) && (0..<geometry.inputWidth).contains(x)
          ? y * geometry.inputWidth + x : nil
      }
    }
  }

  func value(of variable: Variable) -> Int32 {
    switch variable {
    case .code(let value, let element): codes[value][element]
    case .accumulator(let step, let element): accumulators[step][element]
    }
  }

  func value(of functional: Functional) -> Int128 {
    functional.parts.reduce(Int128(functional.constant)) {
      $0 + Int128($1.coefficient) * Int128(value(of: $1.variable))
    }
  }

  func meets(_ goal: Goal) -> Bool { goal.constraints.allSatisfy { value(of: $0) >= 0 } }

  /// The first variable that lies outside `ranges`; nil where none does.
  func stray(from ranges: Ranges) -> Variable? {
    for value in codes.indices where !codes[value].isEmpty {
      for element in codes[value].indices {
        let code = codes[value][element]
        if code < ranges.low[value][element] || code > ranges.high[value][element] {
          return .code(value: value, element: element)
        }
      }
    }
    for step in accumulators.indices where !accumulators[step].isEmpty {
      for element in accumulators[step].indices {
        let sum = accumulators[step][element]
        if sum < ranges.accumulatorLow[step][element] || sum > ranges.accumulatorHigh[step][element] {
          return .accumulator(step: step, element: element)
        }
      }
    }
    return nil
  }
}
