import IntegerProgram

/// What the program says of each element of a step's output.
enum ElementDefinition {
  /// The number that a form is.
  case form(LinearForm)
  /// A function of leaves.
  case function(Definition, leaves: [Atom])
  /// No proof is known of such steps.
  case unknown(String)
}

/// The program's values as forms, and its steps as functions of them.
struct Specification {
  let program: IntegerProgram
  let table: AtomTable
  /// By value, then element; empty until the value is made.
  private(set) var codes: [[LinearForm]]

  init(_ program: IntegerProgram, _ table: AtomTable) {
    self.program = program
    self.table = table
    codes = program.values.map { value in (value.constant ?? []).map { LinearForm($0) } }
    for input in program.inputs { codes[input] = Self.variables(program.values[input], table) }
  }

  private static func variables(_ value: Value, _ table: AtomTable) -> [LinearForm] {
    (0..<value.count).map { _ in
      value.range.lowerBound == value.range.upperBound
        ? LinearForm(Int32(truncatingIfNeeded: value.range.lowerBound))
        : LinearForm(table.variable(Span(value.range.lowerBound, value.range.upperBound)))
    }
  }

  /// Takes what a step makes for given: variables of the proved range.
  mutating func make(_ step: Step) { codes[step.output] = Self.variables(program.values[step.output], table) }

  /// A step that only gives its operand another name.
  mutating func rename(_ step: Step) { codes[step.output] = codes[step.inputs[0]] }

  /// Each element of a step's output, in order.
  func definitions(_ index: Int) -> [ElementDefinition] {
    let step = program.steps[index]
    switch step.operation {
    case .affine(let affine): return definitions(affine, codes[step.inputs[0]])
    case .lookup:
      return codes[step.inputs[0]].map { function(.lookup(step: index), [$0]) }
    case .combine(let combine): return definitions(combine, index, step)
    case .move(let move): return definitions(move, step)
    case .pool(let pool): return definitions(pool, index, codes[step.inputs[0]])
    case .product, .softmax, .normalize, .signal:
      let words = ElementDefinition.unknown("steps of \(step.source.type) are not proved yet")
      return Array(repeating: words, count: program.values[step.output].count)
    }
  }

  /// A function of codes, each a variable or a constant.
  private func function(_ definition: Definition, _ operands: [LinearForm]) -> ElementDefinition {
    let leaves = operands.compactMap(\.terms.first?.atom)
    guard leaves.count == operands.count else {
      let spans = operands.compactMap { table.span($0) }
      guard leaves.isEmpty, spans.count == operands.count, let code = definition.span(spans, program), code.isSingle
      else { return .unknown("a constant beside a code") }
      return .form(LinearForm(Int32(truncatingIfNeeded: code.low)))
    }
    return .function(definition, leaves: leaves)
  }

  /// Of weighted sums: what is left of a sum besides constants, divided by its greatest factor, is the leaf.
  private func definitions(_ affine: Affine, _ input: [LinearForm]) -> [ElementDefinition] {
    let geometry = affine.geometry
    let requantizations = (0..<geometry.outputChannels).map { channel in
      var own = affine.requantization
      own.multipliers = [own.multiplier(channel: channel)]
      return own
    }
    var result: [ElementDefinition] = []
    result.reserveCapacity(geometry.outputCount)
    for (image, row, column) in geometry.outputPlaces {
      for channel in 0..<geometry.outputChannels {
        let first = channel / affine.outputsPerGroup * affine.channelsPerGroup
        var constant = affine.bias[channel]
        var sum = LinearForm(0)
        for tap in 0..<geometry.taps {
          let pixel = geometry.inputPixel(image, row, column, tap: tap)
          for i in 0..<affine.channelsPerGroup {
            let weight = affine.weights[channel * affine.weightsPerOutput + tap * affine.channelsPerGroup + i]
            guard weight != 0 else { continue }
            let code = pixel.map { input[$0 * geometry.inputChannels + first + i] } ?? LinearForm(affine.paddingCode)
            constant += Int64(weight) * Int64(code.constant)
            if let term = code.terms.first { sum.add(term.atom, times: Int32(weight) * term.coefficient) }
          }
        }
        result.append(
          definition(requantizations[channel], sum.normalized, constant: constant, isLong: affine.isLong))
      }
    }
    return result
  }

  private func definition(
    _ requantization: Requantization, _ sum: LinearForm, constant: Int64, isLong: Bool
  ) -> ElementDefinition {
    guard let operand = table.operand(sum) else { return .unknown("a sum that passes 64 bits") }
    guard let leaf = operand.atom else {
      let definition = Definition.affine(requantization, constant: constant, factor: 0, isLong: isLong)
      guard let code = definition.span([Span(0)], program), code.isSingle else {
        return .unknown("a constant sum that leaves its register")
      }
      return .form(LinearForm(Int32(truncatingIfNeeded: code.low)))
    }
    if requantization.isIdentity, !isLong {
      var form = sum
      form.constant = Int32(truncatingIfNeeded: constant)
      return .form(form)
    }
    return .function(
      .affine(requantization, constant: constant, factor: Int64(operand.coefficient), isLong: isLong), leaves: [leaf])
  }

  private func definitions(_ pool: Pool, _ index: Int, _ input: [LinearForm]) -> [ElementDefinition] {
    let geometry = pool.geometry
    var result: [ElementDefinition] = []
    for (image, row, column) in geometry.outputPlaces {
      let places = (0..<geometry.taps).map { geometry.inputPixel(image, row, column, tap: $0) }
      for channel in 0..<geometry.outputChannels {
        let window = places.compactMap { place in
          place.map { input[$0 * geometry.inputChannels + channel] } ?? pool.paddingCode.map { LinearForm($0) }
        }
        result.append(definition(pool, index, window, channel))
      }
    }
    return result
  }

  private func definition(_ pool: Pool, _ index: Int, _ window: [LinearForm], _ channel: Int) -> ElementDefinition {
    switch pool.kind {
    case .maximum:
      guard let largest = table.maximum(window), let span = table.span(largest) else { return .unknown("an empty window") }
      if span.low >= pool.clamp.lowerBound, span.high <= pool.clamp.upperBound { return .form(largest) }
      guard let atom = largest.terms.first?.atom else { return .unknown("a constant window") }
      return .function(.clamp(step: index), leaves: [atom])
    case .average, .sum:
      var sum = LinearForm(0)
      var constant: Int64 = 0
      for code in window {
        constant += Int64(code.constant)
        if let term = code.terms.first { sum.add(term.atom, times: term.coefficient) }
      }
      if case .sum(let bias, let requantization, _) = pool.kind {
        var own = requantization
        own.multipliers = [own.multiplier(channel: channel)]
        return definition(own, sum.normalized, constant: constant + Int64(bias), isLong: false)
      }
      guard let operand = table.operand(sum.normalized), let leaf = operand.atom else { return .unknown("a constant window") }
      return .function(
        .average(step: index, count: Int32(window.count), constant: constant, factor: Int64(operand.coefficient)),
        leaves: [leaf])
    }
  }

  private func definitions(_ combine: Combine, _ index: Int, _ step: Step) -> [ElementDefinition] {
    let (left, right) = (codes[step.inputs[0]], codes[step.inputs[1]])
    var result: [ElementDefinition] = []
    func fill(_ dimension: Int, _ i: Int, _ j: Int) {
      guard dimension < combine.shape.count else { return result.append(definition(left[i], right[j], index)) }
      for place in 0..<combine.shape[dimension] {
        fill(
          dimension + 1, i + place * combine.left.strides[dimension], j + place * combine.right.strides[dimension])
      }
    }
    fill(0, 0, 0)
    return result
  }

  private func definition(_ left: LinearForm, _ right: LinearForm, _ index: Int) -> ElementDefinition {
    var leaves: [Atom] = []
    func operand(_ code: LinearForm) -> Definition.CombineOperands.Operand {
      guard let atom = code.terms.first?.atom else { return .constant(code.constant) }
      if let place = leaves.firstIndex(of: atom) { return .leaf(place) }
      leaves.append(atom)
      return .leaf(leaves.count - 1)
    }
    let definition = Definition.combine(.init(step: index, left: operand(left), right: operand(right)))
    if leaves.isEmpty {
      guard let code = definition.span([], program), code.isSingle else { return .unknown("a sum of constants") }
      return .form(LinearForm(Int32(truncatingIfNeeded: code.low)))
    }
    return .function(definition, leaves: leaves)
  }

  private func definitions(_ move: Move, _ step: Step) -> [ElementDefinition] {
    var result: [ElementDefinition] = Array(
      repeating: move.fill.map { .form(LinearForm($0)) } ?? .unknown("an element that no copy makes"),
      count: program.values[step.output].count)
    for copy in move.copies {
      let source = codes[step.inputs[copy.operand]]
      func fill(_ dimension: Int, _ from: Int, _ to: Int) {
        guard dimension < copy.sizes.count else { return result[to] = .form(source[from]) }
        for place in 0..<copy.sizes[dimension] {
          fill(
            dimension + 1, from + place * copy.sourceStrides[dimension], to + place * copy.targetStrides[dimension])
        }
      }
      fill(0, copy.sourceStart, copy.targetStart)
    }
    return result
  }
}
