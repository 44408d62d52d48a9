import Arithmetic
import CodeGeneration
import IntegerProgram
import Network

/// A known fault of a code generator. Code generated with one must differ from the simulator; a test that misses it would
/// miss the real fault too.
public enum Mutation: String, Sendable, CaseIterable {
  case droppedSaturation = "saturation dropped"
  case droppedActivation = "fused activation dropped"
  case singleRounding = "single rounding for double"
  case halfEvenRounding = "half-even rounding for double"
  case zeroPointOff = "output zero point + 1"
  case multiplierOff = "multiplier off by 2^16"
  case exponentOff = "one place less to shift"
  case biasOff = "bias + 1"
  case channelConstantsShifted = "requantisation of the next channel"
  case paddingShifted = "padding one column to the right"
  case paddingCodeZero = "padded with code 0"
  case weightsTransposed = "weights of two taps exchanged"
  case strideOff = "stride of rows and columns exchanged"
  case lastInputIgnored = "last weight ignored"
  case lookupShifted = "lookup table shifted by one"
  case operandsExchanged = "operands of a difference exchanged"
  case broadcastIgnored = "broadcast walks on"
  case averageFloored = "average window grown by a row"
  case softmaxTail = "softmax cuts its tail"
  case moveOff = "moved block starts one element late"
  case fillOff = "padding value + 1"
  case arenaOverlap = "arena block moved into a live one"
  case overlapTooFar = "output reaches one pixel into unread input"
  case initialStateOff = "initial state + 1"
  case stateNotKept = "state as it was before the run"

  /// The program and plan a generator with this fault would work from; nil where the program gives it no occasion. A fault
  /// of steps is that of the first one from `first` on that gives it one.
  func apply(to program: IntegerProgram, from first: Int = 0) -> (program: IntegerProgram, plan: MemoryPlan)? {
    switch self {
    case .arenaOverlap, .overlapTooFar:
      return brokenPlan(of: program).map { (program, $0) }
    case .initialStateOff:
      var mutant = program
      for (index, state) in program.states.enumerated() {
        guard let place = state.initial.firstIndex(where: { $0 < program.values[state.read].range.upperBound }) else {
          continue
        }
        mutant.states[index].initial[place] += 1
        return (mutant, MemoryPlan(mutant))
      }
      return nil
    case .stateNotKept:
      guard !program.states.isEmpty else { return nil }
      var mutant = program
      mutant.states[0].written = program.states[0].read
      mutant.outputs[program.callOutputs.count] = program.states[0].read
      return (mutant, MemoryPlan(mutant))
    default:
      var mutant = program
      for index in mutant.steps.indices.dropFirst(first) where mutate(&mutant.steps[index], in: program) {
        return (mutant, MemoryPlan(program))
      }
      return nil
    }
  }

  private func mutate(_ step: inout Step, in program: IntegerProgram) -> Bool {
    switch step.operation {
    case .affine(var affine):
      guard mutate(&affine) else { return false }
      step.operation = .affine(affine)
    case .lookup(var lookup):
      guard self == .lookupShifted, lookup.formula == nil, Set(lookup.table).count > 1 else { return false }
      lookup.table.append(lookup.table.removeFirst())
      step.operation = .lookup(lookup)
    case .combine(var combine):
      switch self {
      case .operandsExchanged:
        guard combine.kind == .difference, combine.left != combine.right || step.inputs[0] != step.inputs[1] else {
          return false
        }
        step.inputs.swapAt(0, 1)
        swap(&combine.left, &combine.right)
      case .broadcastIgnored:
        // Only where every element that is then read exists.
        guard combine.shape.count == 1, combine.shape[0] > 1 else { return false }
        if combine.right.strides == [0], program.values[step.inputs[0]].count > 1 {
          step.inputs[1] = step.inputs[0]
          combine.right.strides = [1]
        } else {
          return false
        }
      default:
        guard mutate(&combine.requantization) else { return false }
      }
      step.operation = .combine(combine)
    case .product(var product):
      switch self {
      case .biasOff:
        product.bias += 1
        product.accumulator = product.accumulator.lowerBound...(product.accumulator.upperBound + 1)
      case .lastInputIgnored:
        guard product.depth > 1 else { return false }
        product.depth -= 1
      case .weightsTransposed:
        // The columns of a square matrix taken for its rows.
        guard product.depth == product.columns, product.depth > 1 else { return false }
        swap(&product.right.lineStride, &product.right.depthStride)
      default:
        guard mutate(&product.requantization) else { return false }
      }
      step.operation = .product(product)
    case .pool(var pool):
      switch self {
      case .averageFloored:
        // The row lies inside the image for some window, or counts wherever it lies.
        guard pool.kind == .average,
          pool.paddingCode != nil
            || (pool.geometry.hasPadding || pool.geometry.outputHeight > 1)
              && pool.geometry.strideHeight * (pool.geometry.outputHeight - 1) + pool.geometry.kernelHeight
                - pool.geometry.paddingTop < pool.geometry.inputHeight
        else { return false }
        pool.geometry.kernelHeight += 1
      case .paddingCodeZero:
        guard let code = pool.paddingCode, code != 0 else { return false }
        pool.paddingCode = 0
      case .droppedActivation:
        guard pool.kind != .average, pool.clamp != -128...127 else { return false }
        pool.clamp = -128...127
      default:
        guard case .sum(let bias, var requantization, let range) = pool.kind else { return false }
        if self == .biasOff {
          pool.kind = .sum(bias: bias + 1, requantization, accumulator: range.lowerBound...(range.upperBound + 1))
        } else {
          guard mutate(&requantization) else { return false }
          pool.kind = .sum(bias: bias, requantization, accumulator: range)
        }
      }
      step.operation = .pool(pool)
    case .softmax(var softmax):
      guard self == .softmaxTail else { return false }
      func cut(_ scale: SoftmaxScale) -> SoftmaxScale {
        SoftmaxScale(mantissa: scale.mantissa, leftShift: scale.leftShift, leastDifference: -2)
      }
      switch softmax.kind {
      case .shares(let scale):
        guard scale.leastDifference < -3 else { return false }
        softmax.kind = .shares(cut(scale))
      case .logarithms(let scale):
        guard scale.leastDifference < -3 else { return false }
        softmax.kind = .logarithms(cut(scale))
      case .interpolated: return false
      case .tabulated(var table):
        guard table.entries.count > 3 else { return false }
        table.entries.removeSubrange(3...)
        softmax.kind = .tabulated(table)
      }
      step.operation = .softmax(softmax)
    case .normalize(var normalization):
      switch normalization.kind {
      case .length:
        guard self == .zeroPointOff else { return false }
        normalization.zeroPoint += normalization.zeroPoint == 127 ? -1 : 1
      case .scores(var scores):
        switch self {
        case .zeroPointOff: scores.zeroPoint += 1
        case .biasOff:
          guard scores.codes.count > 3 else { return false }
          for place in scores.offsets.indices { scores.offsets[place] += 1 << Int64(scores.codeShift) }
        default: return false
        }
        normalization.kind = .scores(scores)
      }
      step.operation = .normalize(normalization)
    case .signal(var signal):
      guard self == .biasOff, mutate(&signal) else { return false }
      step.operation = .signal(signal)
    case .move(var move):
      if self == .fillOff, let fill = move.fill {
        move.fill = fill == 127 ? 126 : fill + 1
      } else if self == .moveOff, let index = move.copies.firstIndex(where: { $0.sizes[$0.sizes.count - 1] > 1 }) {
        let copy = move.copies[index]
        let last = copy.sizes.count - 1
        guard copy.sourceStrides[last] > 0 else { return false }
        // One element fewer, so that nothing outside the operand is read.
        move.copies[index].sourceStart += copy.sourceStrides[last]
        move.copies[index].sizes[last] -= 1
      } else {
        return false
      }
      step.operation = .move(move)
    }
    return true
  }

  private func mutate(_ signal: inout Signal) -> Bool {
    switch signal {
    case .filterBank(var bank):
      guard let place = bank.weights.firstIndex(where: { $0 < .max }) else { return false }
      bank.weights[place] += 1
      signal = .filterBank(bank)
    case .energy(let bins):
      guard bins.count > 1 else { return false }
      signal = .energy(bins.lowerBound..<bins.upperBound - 1)
    case .noise(let subtraction): signal = .noise(Self.shifted(subtraction))
    case .remainder(let subtraction): signal = .remainder(Self.shifted(subtraction))
    case .gain(let table, let shift): signal = .gain(table: table, shift: shift == 31 ? 30 : shift + 1)
    case .logarithm(let scale, let bits): signal = .logarithm(scale: scale + 1, correctionBits: bits)
    case .room, .shifted, .spectrum, .samples, .root: return false
    }
    return true
  }

  private static func shifted(_ subtraction: SpectralSubtraction) -> SpectralSubtraction {
    var shifted = subtraction
    shifted.bits += subtraction.bits == 31 ? -1 : 1
    return shifted
  }

  private func mutate(_ affine: inout Affine) -> Bool {
    let g = affine.geometry
    switch self {
    case .biasOff:
      affine.bias = affine.bias.map { $0 + 1 }
      affine.accumulators = affine.accumulators.map { $0.lowerBound...($0.upperBound + 1) }
    case .channelConstantsShifted:
      guard Set(affine.requantization.multipliers).count > 1 else { return false }
      affine.requantization.multipliers.append(affine.requantization.multipliers.removeFirst())
      affine.accumulators = widest(affine)
    case .paddingShifted:
      guard g.paddingLeft > 0, g.outputWidth > 1 else { return false }
      affine.geometry.paddingLeft -= 1
    case .paddingCodeZero:
      guard g.hasPadding, affine.paddingCode != 0 else { return false }
      affine.paddingCode = 0
    case .weightsTransposed:
      guard affine.weights.count > 1, let other = affine.weights.firstIndex(where: { $0 != affine.weights[0] }) else {
        return false
      }
      affine.weights.swapAt(0, other)
      affine.accumulators = widest(affine)
    case .strideOff:
      guard g.strideHeight != g.strideWidth, g.kernelHeight > 1 || g.kernelWidth > 1 else { return false }
      swap(&affine.geometry.strideHeight, &affine.geometry.strideWidth)
    case .lastInputIgnored:
      guard affine.weights.last != 0 else { return false }
      affine.weights[affine.weights.count - 1] = 0
    default:
      return mutate(&affine.requantization)
    }
    return true
  }

  /// The accumulators of all channels, for every channel: a mutant's constants sit where they were not proved.
  private func widest(_ affine: Affine) -> [ClosedRange<Int64>] {
    let low = affine.accumulators.map(\.lowerBound).min() ?? 0
    let high = affine.accumulators.map(\.upperBound).max() ?? 0
    return affine.accumulators.map { _ in low...high }
  }

  private func mutate(_ requantization: inout Requantization) -> Bool {
    switch self {
    case .droppedSaturation:
      requantization.clamp = -(1 << 24)...(1 << 24)
    case .droppedActivation:
      guard requantization.clamp != -128...127 else { return false }
      requantization.clamp = -128...127
    case .singleRounding: requantization.rounding = .single
    case .halfEvenRounding: requantization.rounding = .halfEven
    case .zeroPointOff: requantization.zeroPoint += 1
    case .multiplierOff:
      requantization.multipliers = requantization.multipliers.map {
        Multiplier(mantissa: $0.mantissa < Int32.max - (1 << 16) ? $0.mantissa + (1 << 16) : $0.mantissa - (1 << 16), exponent: $0.exponent)
      }
    case .exponentOff:
      guard requantization.multipliers.allSatisfy({ $0.exponent < 0 }) else { return false }
      requantization.multipliers = requantization.multipliers.map {
        Multiplier(mantissa: $0.mantissa, exponent: $0.exponent + 1)
      }
    default: return false
    }
    return true
  }

  /// A plan in which one block is moved where it must not lie.
  private func brokenPlan(of program: IntegerProgram) -> MemoryPlan? {
    var plan = MemoryPlan(program)
    for (index, step) in program.steps.enumerated() {
      guard let output = plan.blockOfValue[step.output], plan.blocks[output].firstStep == index else { continue }
      for input in step.inputs {
        guard let block = plan.blockOfValue[input], block != output else { continue }
        let (from, to) = (plan.blocks[block], plan.blocks[output])
        guard from.size > 4, to.size > 4 else { continue }
        if self == .arenaOverlap {
          // Disjoint now; move the output over the input's end.
          guard case .affine(let affine) = step.operation, affine.geometry.inputCount > 1,
            to.offset >= from.offset + from.size || to.offset + to.size <= from.offset
          else { continue }
          let offset = from.offset + from.size - 1
          guard offset + to.size <= plan.arenaSize else { continue }
          plan.blocks[output].offset = offset
          return plan
        }
        // Overlapping by the planner's leave; reach one pixel further.
        guard from.lastStep == index, to.offset < from.offset, to.offset + to.size > from.offset else { continue }
        if case .affine(let affine) = step.operation {
          let offset = to.offset + affine.geometry.outputChannels
          guard offset + to.size <= plan.arenaSize else { continue }
          plan.blocks[output].offset = offset
          return plan
        }
      }
    }
    return nil
  }
}
