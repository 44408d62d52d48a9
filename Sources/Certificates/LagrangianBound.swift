import Arithmetic
import IntegerProgram

/// A linear function of a program's codes and accumulators: what is maximised.
public struct Functional: Sendable, Hashable {
  public struct Part: Sendable, Hashable {
    public var variable: Variable
    public var coefficient: Int64
    public init(_ variable: Variable, _ coefficient: Int64) {
      self.variable = variable
      self.coefficient = coefficient
    }
  }
  public var parts: [Part]
  public var constant: Int64

  public init(_ parts: [Part] = [], constant: Int64 = 0) {
    self.parts = parts
    self.constant = constant
  }
}

/// Where a bound's multipliers come from: a certificate that holds them, or a search that thinks them up.
///
/// Whatever it answers, the bound is sound; good multipliers make it tight.
public protocol MultiplierSource {
  /// The multipliers of one step, given the prices of its output codes and, where they have any, of its accumulators:
  /// as many as `LagrangianBound.multiplierCount` says, or none, which means all zero.
  mutating func multipliers(step: Int, prices: [Int64], accumulatorPrices: [Int64], ranges: Ranges) -> [Int32]
  /// Steps that are asked even where nothing has a price: to use that an accumulator is held within its range.
  var unpricedSteps: Set<Int> { get }
}

/// An upper bound of a functional over a set of inputs.
public struct LagrangianBound: Sendable {
  public let value: Int64
  /// For each network input, the price of each of its codes: what the bound's own maximiser looks at.
  public let inputPrices: [[Int64]]
}

extension BoundedProgram {
  /// How many multipliers step `index` takes.
  public func multiplierCount(step index: Int) -> Int {
    let count = program.values[program.steps[index].output].count
    switch steps[index].form {
    case .affine, .sum, .lookup: return count
    // For the accumulator, the left operand and the right one.
    case .combine: return 3 * count
    // For the accumulator, then for both operands of each product.
    case .product(let product, _): return count * (1 + 2 * product.depth)
    // [output, tap].
    case .maximum(_, let window): return count * window.taps
    case .longSums, .longProduct, .softmax, .normalize, .signal, .move: return 0
    }
  }

  /// An upper bound of `functional` over all inputs whose codes and accumulators lie in `ranges`.
  ///
  /// Going back through the steps, each output code y = g(a) has a price p, and a multiplier m exchanges it for its
  /// accumulator: p·g(a) = (p·g(a) − m·a) + m·a, where the bracket is at most its maximum over the accumulator's own
  /// range, found at the corners of the staircase g, and m·a is linear in the step's inputs, whose prices it joins. What
  /// is left at the network's inputs is a price for each, and they are free in their box. This is Lagrangian
  /// decomposition (Bunel et al., 2020) with integers alone: all sums are exact, and an overflow is an error.
  ///
  /// Fails where a number passes its limit or the multipliers do not fit the step.
  public func bound(
    of functional: Functional, over ranges: Ranges, multipliers source: inout some MultiplierSource
  ) throws(CertificateError) -> LagrangianBound {
    var prices = [[Int64]](repeating: [], count: program.values.count)
    var accumulatorPrices = [[Int64]](repeating: [], count: program.steps.count)
    var total = functional.constant
    let unpriced = source.unpricedSteps
    guard unpriced.allSatisfy(program.steps.indices.contains) else {
      throw CertificateError("there are multipliers for a step that the program lacks")
    }
    var lastStep = unpriced.max() ?? -1
    for part in functional.parts {
      switch part.variable {
      case .code(let value, let element):
        if prices[value].isEmpty { prices[value] = Array(repeating: 0, count: program.values[value].count) }
        try add(part.coefficient, to: &prices[value][element])
        lastStep = max(lastStep, producer[value] ?? -1)
      case .accumulator(let step, let element):
        if accumulatorPrices[step].isEmpty {
          accumulatorPrices[step] = Array(repeating: 0, count: program.values[program.steps[step].output].count)
        }
        try add(part.coefficient, to: &accumulatorPrices[step][element])
        lastStep = max(lastStep, step)
      }
    }
    for index in stride(from: lastStep, through: 0, by: -1) {
      let output = program.steps[index].output
      var price = prices[output]
      prices[output] = []
      guard !price.isEmpty || !accumulatorPrices[index].isEmpty || unpriced.contains(index) else { continue }
      if price.isEmpty { price = Array(repeating: 0, count: program.values[output].count) }
      let isOperand = program.values[output].type.isOperand
      try check(price, below: isOperand ? Self.priceLimit : Self.accumulatorPriceLimit)
      let chosen: [Int32]
      if case .move = steps[index].form {
        chosen = []
      } else {
        chosen = source.multipliers(
          step: index, prices: price, accumulatorPrices: accumulatorPrices[index], ranges: ranges)
        guard chosen.isEmpty || chosen.count == multiplierCount(step: index) else {
          throw CertificateError("step \(index) takes \(multiplierCount(step: index)) multipliers, not \(chosen.count)")
        }
        guard chosen.allSatisfy({ $0.magnitude < 1 << 30 }) else {
          throw CertificateError("a multiplier of step \(index) passes 2^30")
        }
      }
      try exchange(index, price, accumulatorPrices[index], chosen, ranges, &prices, &total)
    }
    // What no step makes is an input or a constant.
    for (value, price) in prices.enumerated() where !price.isEmpty {
      try check(price, below: Self.inputPriceLimit)
      for element in price.indices {
        let p = price[element]
        try add(p &* Int64(p > 0 ? ranges.high[value][element] : ranges.low[value][element]), to: &total)
      }
    }
    return LagrangianBound(value: total, inputPrices: program.inputs.map { prices[$0] })
  }

  /// Prices above this could overflow a staircase's maximum.
  static let priceLimit: Int64 = 1 << 44
  static let inputPriceLimit: Int64 = 1 << 45
  /// Of codes that are accumulators, which are larger by as much.
  static let accumulatorPriceLimit: Int64 = 1 << 29

  private func check(_ prices: [Int64], below limit: Int64) throws(CertificateError) {
    var most: Int64 = 0
    // Two's complement: negative prices may pass by one, which the limits leave room for.
    for price in prices { most |= price ^ (price >> 63) }
    guard most < limit else { throw CertificateError("a price passes \(limit)") }
  }

  @inline(__always)
  private func add(_ summand: Int64, to total: inout Int64) throws(CertificateError) {
    let (sum, overflow) = total.addingReportingOverflow(summand)
    if overflow { throw CertificateError("a bound passes 2^63") }
    total = sum
  }

  /// Replaces the prices of one step's outputs by prices of its inputs, and what that costs is added to `total`.
  private func exchange(
    _ index: Int, _ price: [Int64], _ direct: [Int64], _ chosen: [Int32], _ ranges: Ranges,
    _ prices: inout [[Int64]], _ total: inout Int64
  ) throws(CertificateError) {
    let step = program.steps[index]
    let bounded = steps[index]
    let count = program.values[step.output].count

    /// p·code + q·accumulator − m·accumulator at its largest, for one output element.
    func staircaseMaximum(_ element: Int, _ multiplier: Int64) throws(CertificateError) -> Int64 {
      let q = direct.isEmpty ? 0 : direct[element]
      guard q.magnitude < 1 << 29 else { throw CertificateError("a price of an accumulator passes 2^29") }
      return bounded.staircases[bounded.staircases.count == 1 ? 0 : bounded.staircaseOf(element)].maximum(
        price: price[element], slope: multiplier - q,
        low: ranges.accumulatorLow[index][element], high: ranges.accumulatorHigh[index][element],
        lowestCode: ranges.low[step.output][element], highestCode: ranges.high[step.output][element])
    }
    /// Where no multiplier is given, the codes' own ranges bound what they are worth.
    func codesAlone() throws(CertificateError) {
      for element in price.indices {
        let p = price[element]
        try add(
          p &* Int64(p > 0 ? ranges.high[step.output][element] : ranges.low[step.output][element]), to: &total)
      }
    }
    func open(_ value: Int) {
      if prices[value].isEmpty { prices[value] = Array(repeating: 0, count: program.values[value].count) }
    }

    switch bounded.form {
    case .affine(let affine, let window, let largestWeight):
      guard !chosen.isEmpty || !direct.isEmpty else { return try codesAlone() }
      for element in 0..<count {
        let multiplier = chosen.isEmpty ? 0 : Int64(chosen[element])
        // Most elements of a large layer have no part in a bound.
        if multiplier == 0 && price[element] == 0 && direct.isEmpty { continue }
        try add(try staircaseMaximum(element, multiplier), to: &total)
        try add(multiplier &* affine.bias[element % affine.geometry.outputChannels], to: &total)
      }
      guard !chosen.isEmpty else { return }
      open(step.inputs[0])
      try check(prices[step.inputs[0]], below: 1 << 61)
      // Each input's price gains at most this, so that the sums below cannot wrap.
      let most = chosen.reduce(Int64(0)) { $0 + Int64($1.magnitude) }
      guard most.multipliedReportingOverflow(by: largestWeight).overflow == false, most * largestWeight < 1 << 61
      else { throw CertificateError("the multipliers of step \(index) are too large") }
      let padding = affine.carry(chosen, window, into: &prices[step.inputs[0]])
      guard let cost = Int64(exactly: padding * Int128(affine.paddingCode)) else {
        throw CertificateError("a bound passes 2^63")
      }
      try add(cost, to: &total)

    case .sum(let pool, let window, let bias):
      guard !chosen.isEmpty || !direct.isEmpty else { return try codesAlone() }
      open(step.inputs[0])
      let channels = pool.geometry.outputChannels
      for element in 0..<count {
        let multiplier = chosen.isEmpty ? 0 : Int64(chosen[element])
        if multiplier == 0 && price[element] == 0 && direct.isEmpty { continue }
        try add(try staircaseMaximum(element, multiplier), to: &total)
        try add(multiplier &* Int64(bias), to: &total)
        guard multiplier != 0 else { continue }
        for tap in 0..<window.taps {
          let source = Int(window.pixels[element / channels * window.taps + tap])
          if source >= 0 {
            try add(multiplier, to: &prices[step.inputs[0]][source * channels + element % channels])
          } else {
            try add(multiplier &* Int64(pool.paddingCode ?? 0), to: &total)
          }
        }
      }

    case .lookup(let lookup):
      guard !chosen.isEmpty else { return try codesAlone() }
      let value = step.inputs[0]
      open(value)
      for element in 0..<count {
        let (p, m) = (price[element], Int64(chosen[element]))
        if p == 0 && m == 0 { continue }
        var best = Int64.min
        for code in ranges.low[value][element]...ranges.high[value][element] {
          best = max(best, p &* Int64(lookup.table[Int(code - lookup.lowest)]) &- m &* Int64(code))
        }
        try add(best, to: &total)
        try add(m, to: &prices[value][element])
      }

    case .combine(let combine, let left, let right, let leftTable, let rightTable):
      guard !chosen.isEmpty || !direct.isEmpty else { return try codesAlone() }
      let (x, y) = (step.inputs[0], step.inputs[1])
      open(x)
      open(y)
      let bases = (program.values[x].type.range.lowerBound, program.values[y].type.range.lowerBound)
      for element in 0..<count {
        let (m, u, v) =
          chosen.isEmpty
          ? (0, 0, 0) : (Int64(chosen[element]), Int64(chosen[count + element]), Int64(chosen[2 * count + element]))
        if m == 0 && u == 0 && v == 0 && price[element] == 0 && direct.isEmpty { continue }
        try add(try staircaseMaximum(element, m), to: &total)
        guard m != 0 || u != 0 || v != 0 else { continue }
        let (i, j) = (Int(left[element]), Int(right[element]))
        let (a, b) = (Int64(ranges.low[x][i]), Int64(ranges.high[x][i]))
        let (c, d) = (Int64(ranges.low[y][j]), Int64(ranges.high[y][j]))
        switch combine.kind {
        case .sum, .difference:
          // m·(left ± right) for what the operands' prices u and v pay.
          var best = Int64.min
          for code in a...b { best = max(best, m &* Int64(leftTable[Int(code - bases.0)]) &- u &* code) }
          try add(best, to: &total)
          let signed = combine.kind == .sum ? m : -m
          best = .min
          for code in c...d { best = max(best, signed &* Int64(rightTable[Int(code - bases.1)]) &- v &* code) }
          try add(best, to: &total)
        case .product:
          let bound = BilinearBound(multiplier: m, leftSlope: u, rightSlope: v)
          let zeroPoints = (Int64(combine.left.zeroPoint), Int64(combine.right.zeroPoint))
          try add(bound.maximum(a...b, c...d, zeroPoints: zeroPoints), to: &total)
        }
        try add(u, to: &prices[x][i])
        try add(v, to: &prices[y][j])
      }

    case .product(let product, let starts):
      guard !chosen.isEmpty || !direct.isEmpty else { return try codesAlone() }
      let (x, y) = (step.inputs[0], step.inputs[1])
      open(x)
      open(y)
      let zeroPoints = (Int64(product.left.zeroPoint), Int64(product.right.zeroPoint))
      for element in 0..<count {
        let m = chosen.isEmpty ? 0 : Int64(chosen[element])
        if m != 0 || price[element] != 0 || !direct.isEmpty {
          try add(try staircaseMaximum(element, m), to: &total)
          try add(m &* Int64(product.bias), to: &total)
        }
        guard !chosen.isEmpty else { continue }
        for k in 0..<product.depth {
          let place = count + 2 * (element * product.depth + k)
          let bound = BilinearBound(
            multiplier: m, leftSlope: Int64(chosen[place]), rightSlope: Int64(chosen[place + 1]))
          if bound.isZero { continue }
          let i = Int(starts[element].left) + k * product.left.depthStride
          let j = Int(starts[element].right) + k * product.right.depthStride
          let largest = bound.maximum(
            Int64(ranges.low[x][i])...Int64(ranges.high[x][i]), Int64(ranges.low[y][j])...Int64(ranges.high[y][j]),
            zeroPoints: zeroPoints)
          try add(largest, to: &total)
          try add(bound.leftSlope, to: &prices[x][i])
          try add(bound.rightSlope, to: &prices[y][j])
        }
      }

    case .maximum(let pool, let window):
      guard !chosen.isEmpty else { return try codesAlone() }
      let value = step.inputs[0]
      open(value)
      let channels = pool.geometry.outputChannels
      for element in 0..<count {
        if price[element] == 0, chosen[element * window.taps..<(element + 1) * window.taps].allSatisfy({ $0 == 0 }) {
          continue
        }
        var taps: [MaximumBound.Tap] = []
        for tap in 0..<window.taps {
          let source = Int(window.pixels[element / channels * window.taps + tap])
          guard source >= 0 else {
            if let code = pool.paddingCode.map(Int64.init) {
              taps.append(MaximumBound.Tap(low: code, high: code, slope: 0))
            }
            continue
          }
          let place = source * channels + element % channels
          let m = Int64(chosen[element * window.taps + tap])
          taps.append(
            MaximumBound.Tap(low: Int64(ranges.low[value][place]), high: Int64(ranges.high[value][place]), slope: m))
          try add(m, to: &prices[value][place])
        }
        try add(MaximumBound(clamp: pool.clamp).maximum(price: price[element], taps), to: &total)
      }

    case .longSums, .longProduct, .softmax, .normalize, .signal:
      try codesAlone()

    case .move(let sources):
      for (element, source) in sources.enumerated() {
        if source.operand < 0 {
          try add(price[element] &* Int64(source.element), to: &total)
        } else {
          let value = step.inputs[Int(source.operand)]
          open(value)
          try add(price[element], to: &prices[value][Int(source.element)])
        }
      }
    }
  }
}

extension Affine {
  /// Adds Σ multiplier · weight to the prices of the inputs, where the caller has made sure that nothing wraps. Returns
  /// what falls on the padding, to which one output may contribute by many taps.
  func carry(_ multipliers: [Int32], _ window: WindowTable, into prices: inout [Int64]) -> Int128 {
    let (channels, inputs) = (geometry.outputChannels, geometry.inputChannels)
    let (perGroup, outputsPerGroup) = (channelsPerGroup, outputsPerGroup)
    let length = weightsPerOutput
    var padding: Int128 = 0
    weights.withUnsafeBufferPointer { weights in
      prices.withUnsafeMutableBufferPointer { prices in
        for pixel in 0..<window.outputPixels {
          for channel in 0..<channels {
            let multiplier = Int64(multipliers[pixel &* channels &+ channel])
            if multiplier == 0 { continue }
            let first = channel / outputsPerGroup * perGroup
            for tap in 0..<window.taps {
              let source = Int(window.pixels[pixel &* window.taps &+ tap])
              let row = channel &* length &+ tap &* perGroup
              if source < 0 {
                for i in 0..<perGroup { padding += Int128(multiplier &* Int64(weights[row &+ i])) }
                continue
              }
              let place = source &* inputs &+ first
              for i in 0..<perGroup { prices[place &+ i] &+= multiplier &* Int64(weights[row &+ i]) }
            }
          }
        }
      }
    }
    return padding
  }
}

/// The largest value of `price · clamp(max x) − Σ slope · x`, for x in a box.
struct MaximumBound {
  struct Tap {
    var low, high, slope: Int64
  }
  let clamp: ClosedRange<Int64>

  func maximum(price: Int64, _ taps: [Tap]) -> Int64 {
    func clamped(_ x: Int64) -> Int64 { min(max(x, clamp.lowerBound), clamp.upperBound) }
    // A window outside the image.
    guard !taps.isEmpty else { return price * clamp.lowerBound }
    /// −slope · x at its largest for x up to `limit`.
    func rest(_ tap: Tap, upTo limit: Int64) -> Int64 {
      max(-tap.slope * tap.low, -tap.slope * min(tap.high, limit))
    }
    var best = Int64.min
    if price >= 0 {
      // The maximum is some tap's own: the others are free.
      let all = taps.reduce(Int64(0)) { $0 + rest($1, upTo: .max) }
      for tap in taps {
        for x in [tap.low, tap.high, clamp.lowerBound, clamp.upperBound] where tap.low <= x && x <= tap.high {
          best = max(best, all - rest(tap, upTo: .max) + price * clamped(x) - tap.slope * x)
        }
      }
    } else {
      // Whatever the maximum m is, no tap passes it. Piecewise linear in m: largest at a corner.
      let least = taps.map(\.low).max() ?? 0
      let most = taps.map(\.high).max() ?? 0
      let corners = taps.flatMap { [$0.low, $0.high] } + [clamp.lowerBound, clamp.upperBound]
      for m in corners where least <= m && m <= most {
        best = max(best, price * clamped(m) + taps.reduce(Int64(0)) { $0 + rest($1, upTo: m) })
      }
    }
    return best
  }
}
