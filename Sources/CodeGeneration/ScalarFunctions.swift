import Arithmetic
import IntegerProgram

/// The scalar functions of a generated file, each printed from the term that the simulator and the verifier read too.
/// Equal bodies become one function.
struct ScalarFunctions {
  let prefix: String
  private(set) var definitions: [(name: String, text: CText)] = []
  private var namesOfBodies: [String: String] = [:]

  init(prefix: String) { self.prefix = prefix }

  /// The name of a function of `parameters` (name and C type) with the term's value as its result.
  mutating func function(
    _ purpose: String, comment: String, result: String, parameters: [(name: String, type: String)], value: TermNode
  ) -> String {
    let (lines, expression) = CExpressionPrinter.print(value, prefix: prefix)
    let unused = parameters.filter { !Self.reads(value, $0.name) }.map { "(void)\($0.name);" }
    let list = parameters.map { "\($0.type) \($0.name)" }.joined(separator: ", ")
    let body = ([result, list] + unused + lines + [expression]).joined(separator: "\n")
    if let name = namesOfBodies[body] { return name }
    let count = definitions.count { $0.name.contains("_\(purpose)_") }
    let name = "\(prefix)_\(purpose)_\(count)"
    var text = CText()
    text.comment(comment)
    text.block("static \(result) \(name)(\(list))") { text in
      text.lines(unused + lines)
      text.line("return (\(result))\(expression.hasPrefix("(") || expression.utf8.allSatisfy(CNames.isPartOfName) ? expression : "(\(expression))");")
    }
    definitions.append((name, text))
    namesOfBodies[body] = name
    return name
  }

  private static func reads(_ node: TermNode, _ name: String) -> Bool {
    var seen: Set<TermNode> = []
    func visit(_ node: TermNode) -> Bool {
      guard seen.insert(node).inserted else { return false }
      if case .variable(name) = node.operation { return true }
      return node.operands.contains { visit($0) }
    }
    return visit(node)
  }
}

extension ClosedRange<Int64> {
  /// The C type of a sum that is proved to stay in it.
  var sumType: String { fits32 ? "int32_t" : "int64_t" }
}

/// How a kernel turns an accumulator of one channel into a code: the call, and the constants it takes from flash.
struct RequantizationCode {
  /// The function's name.
  var function: String
  /// Constants per channel, in the order of the arguments after the accumulator; empty where they are in the code.
  var tables: [(suffix: String, type: String, elements: [Int64])] = []
  /// 2^left for each channel, by which the accumulator is multiplied first; nil where no channel shifts left.
  var leftFactors: (suffix: String, type: String, elements: [Int64])?

  /// Prints the function for accumulators in `ranges`, one a channel.
  init(
    _ requantization: Requantization, accumulators ranges: [ClosedRange<Int64>], result: String,
    in functions: inout ScalarFunctions
  ) {
    let channels = ranges.count
    let multipliers = (0..<channels).map { requantization.multiplier(channel: $0) }
    let lefts = multipliers.map { Int64(max($0.exponent, 0)) }
    let rights = multipliers.map { Int64(max(-$0.exponent, 0)) }
    let mantissas = multipliers.map { Int64($0.mantissa) }

    // The lowering proved for each channel that nothing overflows. Printed in the 64-bit register, the same value comes
    // out for the channels together; C types follow the ranges.
    typealias Symbol = Term<Int64>
    let lowest = ranges.map(\.lowerBound).min() ?? 0
    let sumType = (lowest...max(lowest, ranges.map(\.upperBound).max() ?? 0)).sumType
    var parameters: [(name: String, type: String)] = [("accumulator", sumType)]
    var constants: [(suffix: String, type: String, elements: [Int64])] = []
    func word(_ name: String, _ type: String, _ elements: [Int64]) -> Symbol {
      let (low, high) = (elements.min() ?? 0, elements.max() ?? 0)
      if low == high { return Symbol(low) }
      parameters.append((name, "int32_t"))
      constants.append((name, type, elements))
      return Symbol(variable: name, in: low...high)
    }
    var shifted = ranges
    var lefts64 = Symbol(0)
    let mantissa = word("multiplier", "int32_t", mantissas)
    let right = word("shift", "uint8_t", rights)
    if requantization.rounding == .double, lefts.contains(where: { $0 > 0 }) {
      // Shifted by the caller: only then do the channels' ranges bound the product.
      shifted = zip(ranges, lefts).map { ($0.lowerBound << $1)...($0.upperBound << $1) }
      leftFactors = ("factor", "int32_t", lefts.map { 1 << $0 })
    } else {
      lefts64 = word("left", "uint8_t", lefts)
    }
    let low = shifted.map(\.lowerBound).min() ?? 0
    let high = shifted.map(\.upperBound).max() ?? 0
    let accumulator = Symbol(variable: "accumulator", in: low...high)
    let shifts = Shifts(left: lefts64, right: right)
    let code =
      sumType == "int32_t" && requantization.allowsHalves
      ? (requantizeHalves(accumulator, mantissa: mantissa, shifts: shifts) +% Symbol(Int64(requantization.zeroPoint)))
        .clamped(requantization.clamp.lowerBound, requantization.clamp.upperBound)
      : requantization.code(accumulator, mantissa: mantissa, shifts: shifts)
    let bounds = "accumulator in [\(low), \(high)]"
    function = functions.function(
      "requantize",
      comment: "\(requantization.rounding.rawValue) requantisation: \(bounds), zero point "
        + "\(requantization.zeroPoint), codes \(requantization.clamp.lowerBound) to \(requantization.clamp.upperBound).",
      result: result, parameters: parameters, value: code.node)
    tables = constants
  }

  /// The C expression for an accumulator named `accumulator` of channel `channel`.
  func call(_ accumulator: String, channel: String, table: (String) -> String) -> String {
    var value = accumulator
    if let leftFactors { value = "\(accumulator) * \(table(leftFactors.suffix))[\(channel)]" }
    let arguments = tables.map { constant in
      let element = "\(table(constant.suffix))[\(channel)]"
      return constant.type == "int32_t" ? element : "(int32_t)\(element)"
    }
    return "\(function)(\(([value] + arguments).joined(separator: ", ")))"
  }
}
