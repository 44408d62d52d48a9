import Arithmetic
import IntegerProgram

// What is made of whole rows of codes: softmax, its logarithm, rows of length 1.
extension KernelWriter {
  private typealias Symbol = Term<Int64>

  mutating func softmax(_ softmax: Softmax, _ step: Step, _ index: Int, _ text: inout CText) {
    switch softmax.kind {
    case .shares(let scale), .logarithms(let scale): self.softmax(softmax, scale, step, &text)
    case .interpolated(let scale): interpolated(softmax, scale, step, &text)
    case .tabulated(let table): self.softmax(softmax, table, step, index, &text)
    }
  }

  private mutating func softmax(_ softmax: Softmax, _ scale: SoftmaxScale, _ step: Step, _ text: inout CText) {
    let least = max(Int64(scale.leastDifference), -255)
    let difference = Symbol(variable: "difference", in: least...0)
    let exponential = functions.function(
      "exponential",
      comment: "e to the power of a code's difference from its row's maximum, [\(least), 0], as Q0.31.",
      result: "int32_t", parameters: [("difference", "int32_t")], value: softmaxExponential(difference, scale).node)
    let power = Symbol(variable: "power", in: 0...Int64(Int32.max))
    let summand = functions.function(
      "summand", comment: "A Q0.31 number as a summand of a Q12.19 sum.", result: "int32_t",
      parameters: [("power", "int32_t")], value: softmaxSummand(power).node)
    // The largest of a row adds 2^19 itself, every other at most as much.
    let sum = Symbol(variable: "sum", in: (1 << 19)...Int64(softmax.depth) << 19)
    let (constants, code) =
      softmax.isLogarithmic
      ? logarithms(sum, difference, scale, step) : shares(sum, power, exponential, step)

    input("x", step.inputs[0])
    output("y", step.output)
    text.loop("row", softmax.rows) { text in
      text.line("const int32_t start = \(times("row", softmax.depth));")
      findLargest(softmax, sumType: "int32_t", &text)
      text.loop("i", softmax.depth) { text in
        text.line("const int32_t difference = (int32_t)x[start + i] - largest;")
        // Further below the largest, an exponential counts as zero.
        text.block("if (difference >= \(CExpressionPrinter.literal(least)))") { text in
          text.line("sum += \(summand)(\(exponential)(difference));")
        }
      }
      text.lines(constants)
      text.loop("i", softmax.depth) { text in
        text.line("const int32_t difference = (int32_t)x[start + i] - largest;")
        text.block("if (difference >= \(CExpressionPrinter.literal(least)))") { text in
          text.line("y[start + i] = \(code);")
        }
        text.block("else") { $0.line("y[start + i] = -128;") }
      }
    }
  }

  /// The largest code of the row at `start`, and a sum to begin with.
  private func findLargest(_ softmax: Softmax, sumType: String, _ text: inout CText) {
    text.line("int32_t largest = (int32_t)x[start];")
    text.line("\(sumType) sum = 0;")
    text.loop("i", from: "1", below: "\(softmax.depth)") { text in
      text.block("if ((int32_t)x[start + i] > largest)") { $0.line("largest = (int32_t)x[start + i];") }
    }
  }

  /// A softmax whose exponentials and reciprocals lie on straight lines between a table's entries.
  private mutating func interpolated(_ softmax: Softmax, _ scale: SoftmaxScale, _ step: Step, _ text: inout CText) {
    func table(_ suffix: String, _ table: InterpolatedTable, _ comment: String) -> String {
      let name = tableName(suffix)
      if !tables.contains(where: { $0.name == name }) {
        addTable(suffix, "int16_t", table.entries.map(Int64.init), comment: comment)
      }
      return name
    }
    let exponentials = table("exponentials", .exponential, "e to the power of -10 to 0 in 512 steps, in units of 2^-15")
    let reciprocals = table("reciprocals", .reciprocal, "1 / (1 + x) for x from 0 to 1 in 512 steps, in units of 2^-15")
    let line = sharedFunction("line") { name, text in
      text.comment("The value at place / 128 on straight lines between a table's entries, to the nearest.")
      text.block("static int32_t \(name)(const int16_t *entries, int32_t place)") { text in
        text.line("const int32_t inside = (place < 0) ? 0 : place;")
        text.line("const int32_t last = (inside < 65535) ? inside : 65535;")
        text.line("const int32_t index = last >> 7;")
        text.line("const int32_t low = (int32_t)entries[index];")
        text.line("const int32_t high = (int32_t)entries[index + 1];")
        text.line("return ((low * 128) + ((last - (index * 128)) * (high - low)) + 64) >> 7;")
      }
    }
    let difference = Symbol(variable: "difference", in: -65_535...0)
    let power = functions.function(
      "power", comment: "A code's difference from its row's maximum, [-65535, 0], in units of 10/65535.",
      result: "int32_t", parameters: [("difference", "int32_t")],
      value: interpolatedPower(difference, scale).node)
    func exponential(_ element: String) -> String {
      "\(line)(\(exponentials), \(power)((int32_t)\(element) - largest) + 65535)"
    }
    input("x", step.inputs[0])
    output("y", step.output)
    text.loop("row", softmax.rows) { text in
      text.line("const int32_t start = \(times("row", softmax.depth));")
      findLargest(softmax, sumType: "int32_t", &text)
      text.loop("i", softmax.depth) { text in
        text.line("const int32_t exponential = \(exponential("x[start + i]"));")
        text.line("y[start + i] = (int16_t)exponential;")
        text.line("sum += exponential;")
      }
      // The sum, which is positive, doubled until it is 2^30 or more.
      text.line("uint32_t normalized = (uint32_t)sum;")
      text.line("int32_t shift = 30;")
      text.block("while (normalized < 1073741824u)") { text in
        text.line("normalized *= 2u;")
        text.line("shift--;")
      }
      text.line("const int32_t place = (int32_t)((normalized + 8192u) >> 14) - 65536;")
      text.line("const int32_t reciprocal = \(line)(\(reciprocals), place);")
      text.line("const int32_t half = (int32_t)(1u << (uint32_t)(shift - 1));")
      text.loop("i", softmax.depth) { text in
        text.line("const int32_t share = (((int32_t)y[start + i] * reciprocal) + half) >> shift;")
        text.line("y[start + i] = (int16_t)((share < 32767) ? share : 32767);")
      }
    }
  }

  /// What is reckoned of a row's sum, and the code of an element.
  private mutating func shares(
    _ sum: Symbol, _ power: Symbol, _ exponential: String, _ step: Step
  ) -> (constants: [String], code: String) {
    let divisor = SoftmaxDivisor(ofSum: sum)
    let reciprocal = functions.function(
      "reciprocal", comment: "2^31 over the row's sum, the sum doubled until it reaches 2^31; Q0.31.",
      result: "int32_t", parameters: [("sum", "int32_t")], value: divisor.reciprocal.node)
    let shift = functions.function(
      "quotient_shift", comment: "The right shift from exponential times reciprocal to codes.", result: "int32_t",
      parameters: [("sum", "int32_t")], value: divisor.shift.node)
    let symbolic = SoftmaxDivisor(
      reciprocal: Symbol(variable: "reciprocal", in: divisor.reciprocal.interval.range),
      shift: Symbol(variable: "shift", in: max(0, divisor.shift.interval.low)...divisor.shift.interval.high))
    let share = functions.function(
      "share", comment: "The code of one exponential's share of its row's sum.",
      result: program.values[step.output].cType,
      parameters: [("power", "int32_t"), ("reciprocal", "int32_t"), ("shift", "int32_t")],
      value: symbolic.code(power).node)
    return (
      ["const int32_t reciprocal = \(reciprocal)(sum);", "const int32_t shift = \(shift)(sum);"],
      "\(share)(\(exponential)(difference), reciprocal, shift)"
    )
  }

  private mutating func logarithms(
    _ sum: Symbol, _ difference: Symbol, _ scale: SoftmaxScale, _ step: Step
  ) -> (constants: [String], code: String) {
    let value = logarithm(ofSum: sum)
    let logarithm = functions.function(
      "logarithm", comment: "The natural logarithm of a Q12.19 sum as Q5.26.", result: "int32_t",
      parameters: [("sum", "int32_t")], value: value.node)
    let code = functions.function(
      "log_share", comment: "The code of a difference from the row's maximum less the logarithm of the row's sum.",
      result: program.values[step.output].cType,
      parameters: [("difference", "int32_t"), ("logarithm", "int32_t")],
      value: logSoftmaxCode(
        softmaxPower(difference, scale), logarithm: Symbol(variable: "logarithm", in: value.interval.range)
      ).node)
    return (["const int32_t logarithm = \(logarithm)(sum);"], "\(code)(difference, logarithm)")
  }

  /// A softmax by its table of exponentials.
  private mutating func softmax(
    _ softmax: Softmax, _ table: ExponentialTable, _ step: Step, _ index: Int, _ text: inout CText
  ) {
    let name = tableName("exponentials_\(index)")
    addTable(
      "exponentials_\(index)", "int64_t", table.entries,
      comment: "\(step.source.type) of step \(index): e to the power of minus the distance 0 to \(table.entries.count - 1) below a "
        + "row's maximum, in units of 2^-\(ExponentialTable.fractionBits)")
    let most = Int64(1) << Int64(ExponentialTable.fractionBits)
    let made = table.factor(ofSum: Symbol(variable: "sum", in: most...Int64(softmax.depth) * most))
    let (factorType, shiftType) = ("int64_t", "int32_t")
    let factor = functions.function(
      "share_factor", comment: "What a row's exponentials are multiplied by, from their sum.", result: factorType,
      parameters: [("sum", "int64_t")], value: made.factor.node)
    let shift = functions.function(
      "share_shift", comment: "How many places a row's sum is longer than 31 bits.", result: shiftType,
      parameters: [("sum", "int64_t")], value: made.shift.node)
    let symbolic = ExponentialTable.Factor(
      factor: Symbol(variable: "factor", in: made.factor.interval.range),
      shift: Symbol(variable: "shift", in: made.shift.interval.range))
    let code = functions.function(
      "share", comment: "The code of one exponential's share of its row's sum; ties to even.",
      result: program.values[step.output].cType,
      parameters: [("exponential", "int64_t"), ("factor", factorType), ("shift", shiftType)],
      value: table.code(Symbol(variable: "exponential", in: 0...most), symbolic).node)
    let range = program.values[step.inputs[0]].range
    let covers = range.upperBound - range.lowerBound < Int64(table.entries.count)
    let entry = covers ? "\(name)[distance]" : "(distance < \(table.entries.count)) ? \(name)[distance] : 0"

    input("x", step.inputs[0])
    output("y", step.output)
    func exponential(_ text: inout CText) {
      text.line("const int32_t distance = largest - (int32_t)x[start + i];")
      text.line("const int64_t exponential = \(entry);")
    }
    text.loop("row", softmax.rows) { text in
      text.line("const int32_t start = \(times("row", softmax.depth));")
      findLargest(softmax, sumType: "int64_t", &text)
      text.loop("i", softmax.depth) { text in
        exponential(&text)
        text.line("sum += exponential;")
      }
      text.line("const \(factorType) factor = \(factor)(sum);")
      text.line("const \(shiftType) shift = \(shift)(sum);")
      text.loop("i", softmax.depth) { text in
        exponential(&text)
        text.line("y[start + i] = \(code)(exponential, factor, shift);")
      }
    }
  }

  mutating func normalize(_ normalization: Normalization, _ step: Step, _ index: Int, _ text: inout CText) {
    switch normalization.kind {
    case .length(let rounding): normalize(normalization, rounding, step, &text)
    case .scores(let scores): standardize(normalization, scores, step, index, &text)
    }
  }

  private mutating func normalize(
    _ normalization: Normalization, _ rounding: Rounding, _ step: Step, _ text: inout CText
  ) {
    let x = Symbol(variable: "x", in: program.values[step.inputs[0]].range)
    let square = functions.function(
      "square", comment: "The square of a code less its zero point.", result: "int32_t", parameters: [("x", "int32_t")],
      value: normalization.square(x).node)
    let most = Int64(normalization.depth) * normalization.square(x).interval.range.upperBound
    let root = InverseSquareRoot(of: Symbol(variable: "sum", in: 0...most))
    let mantissa = functions.function(
      "root_mantissa", comment: "1 over the square root of a sum of squares: the mantissa, in units of 2^-31.",
      result: "int32_t", parameters: [("sum", "int32_t")], value: root.mantissa.node)
    let shift = functions.function(
      "root_shift", comment: "The same: how many places the mantissa is to be shifted right.", result: "int32_t",
      parameters: [("sum", "int32_t")], value: root.rightShift.node)
    let symbolic = InverseSquareRoot(
      mantissa: Symbol(variable: "mantissa", in: root.mantissa.interval.range),
      rightShift: Symbol(variable: "shift", in: root.rightShift.interval.range))
    let code = functions.function(
      "normalized", comment: "The code, in units of 1/128, of an element of a row of length 1; "
        + "\(rounding.rawValue).", result: program.values[step.output].cType,
      parameters: [("x", "int32_t"), ("mantissa", "int32_t"), ("shift", "int32_t")],
      value: normalization.code(x, symbolic, rounding: rounding).node)

    input("x", step.inputs[0])
    output("y", step.output)
    text.loop("row", normalization.rows) { text in
      text.line("const int32_t start = \(times("row", normalization.depth));")
      text.line("int32_t sum = 0;")
      text.loop("i", normalization.depth) { $0.line("sum += \(square)((int32_t)x[start + i]);") }
      text.line("const int32_t mantissa = \(mantissa)(sum);")
      text.line("const int32_t shift = \(shift)(sum);")
      text.loop("i", normalization.depth) {
        $0.line("y[start + i] = \(code)((int32_t)x[start + i], mantissa, shift);")
      }
    }
  }

  /// Rows brought to mean 0 and variance 1.
  private mutating func standardize(
    _ normalization: Normalization, _ scores: StandardScores, _ step: Step, _ index: Int, _ text: inout CText
  ) {
    let range = program.values[step.inputs[0]].range
    let depth = Int64(normalization.depth)
    let zero = Int64(normalization.zeroPoint)
    let (low, high) = (range.lowerBound - zero, range.upperBound - zero)
    let sums = depth * min(low, 0)...depth * max(high, 0)
    let squares = 0...depth * max(low * low, high * high)
    func type(_ range: ClosedRange<Int64>) -> String { CExpressionPrinter.CType(holding: range).rawValue }
    let sum = Symbol(variable: "sum", in: sums)
    let padded = normalization.padded(sum: sum, squares: Symbol(variable: "squares", in: squares), scores)
    let spread = functions.function(
      "spread", comment: "The variance of a row with epsilon, from the sums of its codes and of their squares.",
      result: "int64_t", parameters: [("sum", type(sums)), ("squares", type(squares))], value: padded.node)
    let whole = WideInverseSquareRoot.normal(of: Symbol(variable: "spread", in: padded.interval.range))
    let normal = functions.function(
      "normal", comment: "A row's variance, multiplied by 4 until it reaches 2^60.", result: "int64_t",
      parameters: [("spread", "int64_t")], value: whole.normal.node)
    let pairs = functions.function(
      "normal_pairs", comment: "By how many pairs of bits a row's variance is shorter than 62 bits.",
      result: "int32_t", parameters: [("spread", "int64_t")], value: whole.pairs.node)
    let root = WideInverseSquareRoot(root: Symbol(variable: "root", in: 1 << 30...1 << 31), pairs: whole.pairs)
    let mantissa = functions.function(
      "wide_root", comment: "1 over a square root: the mantissa.", result: "int32_t",
      parameters: [("root", "int64_t")], value: root.mantissa.node)
    let squareRoot = sharedFunction("square_root", Self.squareRoot)
    let symbolic = WideInverseSquareRoot(
      mantissa: Symbol(variable: "mantissa", in: root.mantissa.interval.range),
      pairs: Symbol(variable: "pairs", in: root.pairs.interval.range))
    let score = scores.score(normalization.deviation(Symbol(variable: "x", in: range), sum: sum, scores), symbolic)
    // One gain and offset stand in the code.
    func parameter(_ name: String, _ numbers: [Int64]) -> Symbol {
      let (least, most) = (numbers.min() ?? 0, numbers.max() ?? 0)
      return least == most ? Symbol(least) : Symbol(variable: name, in: least...most)
    }
    var parameters = [("x", "int32_t"), ("sum", type(sums)), ("mantissa", "int32_t"), ("pairs", "int32_t")]
    var arguments = ["(int32_t)x[start + i]", "sum", "mantissa", "pairs"]
    let place = parameterPlace(normalization, scores)
    for (name, numbers) in [("gain", scores.gains), ("offset", scores.offsets)] where Set(numbers).count > 1 {
      let type = type((numbers.min() ?? 0)...(numbers.max() ?? 0))
      parameters.append((name, type))
      addTable(
        "\(name)_\(index)", type, numbers, comment: "The \(name)s of \(step.source.type), step \(index), in codes")
      arguments.append("\(tableName("\(name)_\(index)"))[\(place)]")
    }
    let code = functions.function(
      "standardized", comment: "The code of an element of a row of mean 0 and variance 1, scaled and shifted; ties to even.",
      result: program.values[step.output].cType, parameters: parameters,
      value: scores.code(score: score, gain: parameter("gain", scores.gains), offset: parameter("offset", scores.offsets))
        .node)

    input("x", step.inputs[0])
    output("y", step.output)
    let product = type(squares) == "int32_t" ? "centred * centred" : "(int64_t)centred * (int64_t)centred"
    text.loop("row", normalization.rows) { text in
      text.line("const int32_t start = \(times("row", normalization.depth));")
      text.line("\(type(sums)) sum = 0;")
      text.line("\(type(squares)) squares = 0;")
      text.loop("i", normalization.depth) { text in
        text.line("const int32_t centred = (int32_t)x[start + i]\(zero == 0 ? "" : " - \(CExpressionPrinter.literal(zero))");")
        text.line("sum += centred;")
        text.line("squares += \(product);")
      }
      text.line("const int64_t spread = \(spread)(sum, squares);")
      text.line("const int32_t mantissa = \(mantissa)(\(squareRoot)(\(normal)(spread)));")
      text.line("const int32_t pairs = \(pairs)(spread);")
      text.loop("i", normalization.depth) {
        $0.line("y[start + i] = \(code)(\(arguments.joined(separator: ", ")));")
      }
    }
  }

  /// `squareRoot(ofNormal:)` as a loop: clang -O2 takes more than a quarter of an hour for the thirty choices
  /// one after another that its term is.
  private static func squareRoot(_ name: String, _ text: inout CText) {
    text.comment("The square root of a number of 2^60 to 2^62 - 1, to the nearest.")
    text.block("static int64_t \(name)(int64_t x)") { text in
      text.line("uint64_t root = 1073741824u;")
      text.line("uint64_t rest = (uint64_t)x - 1152921504606846976u;")
      text.block("for (uint64_t bit = 536870912u; bit != 0u; bit /= 2u)") { text in
        text.line("const uint64_t step = (2u * root * bit) + (bit * bit);")
        text.block("if (rest >= step)") { text in
          text.line("rest -= step;")
          text.line("root += bit;")
        }
      }
      text.line("return (int64_t)((rest > root) ? (root + 1u) : root);")
    }
  }

  /// The place of an element's gain and offset, as `Normalization.parameter` reckons it.
  private func parameterPlace(_ normalization: Normalization, _ scores: StandardScores) -> String {
    let (count, perRow) = (scores.gains.count, normalization.depth / scores.run)
    if count == perRow { return scores.run == 1 ? "i" : "i / \(scores.run)" }
    if perRow == 1 { return count == normalization.rows ? "row" : "row % \(count)" }
    return "((\(times("row", perRow))) + \(scores.run == 1 ? "i" : "(i / \(scores.run))")) % \(count)"
  }
}
