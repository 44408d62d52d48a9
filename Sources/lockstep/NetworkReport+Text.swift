import Network
import Reporting

extension NetworkReport {
  /// The report for people: what goes in and out, a row a layer, and totals.
  var text: String {
    var lines = ["\(name.printable()): \(counted(layers.count, "layer"))", ""]
    for (role, tensors) in [("input", inputs), ("output", outputs), ("state", states)] {
      for tensor in tensors { lines.append("\(role.padded(7)) \(tensor.text)") }
    }
    if signatures.count > 1 { lines += signatures.map(\.text) }
    lines += notices.map { "notice  \($0)" }
    lines += ["", table.text, ""]
    lines += [
      "work        \(counted(multiplyAccumulates, "multiply-accumulate"))",
      "weights     \(counted(weights, "weight")); \(counted(parameterBytes, "byte")) of weights, biases and tables",
      "arena       \(counted(arenaBytes, "byte")) of working memory",
      "rounding    \(rounding); scale products in \(scaleProduct.rawValue)",
      "program     sha256 \(programSHA256)",
      "file        sha256 \(fileSHA256), \(counted(fileBytes, "byte"))",
    ]
    return lines.joined(separator: "\n")
  }

  private var table: TextTable {
    var table = TextTable([
      ("#", .right), ("operator", .left), ("output", .left), ("scale", .left), ("zero", .right),
      ("MACs", .right),
      ("weights", .right), ("accumulator", .right), ("bits", .right), ("exponent", .right), ("name", .left),
    ])
    for layer in layers {
      table.add([
        String(layer.source.index), layer.source.type.printable(40),
        layer.output?.typeAndShape ?? (layer.isFolded ? "padding of the next" : layer.isJoined ? "part of the next" : "outside the program"), layer.output.map { "\($0.scale)" } ?? "",
        layer.output.map { String($0.zeroPoint) } ?? "",
        layer.multiplyAccumulates == 0 ? "" : layer.multiplyAccumulates.grouped,
        layer.weights == 0 ? "" : layer.weights.grouped,
        layer.accumulator.map { "\($0.lowerBound.grouped) … \($0.upperBound.grouped)" } ?? "",
        layer.accumulatorBits.map(String.init) ?? "",
        layer.exponents.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) … \($0.upperBound)" }
          ?? "",
        layer.source.name.printable(60),
      ])
    }
    return table
  }
}

extension NetworkSignature {
  fileprivate var text: String {
    func listed(_ names: [String]) -> String { names.map { $0.printable(40) }.joined(separator: ", ") }
    return "signature \"\(name.printable(60))\": of \(listed(inputs)) makes \(listed(outputs))\(isRead ? " (this one)" : "")"
  }
}

extension NetworkReport.Tensor {
  var typeAndShape: String {
    "\(type) \(shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "×"))"
  }
  fileprivate var text: String {
    "\(typeAndShape), scale \(scale), zero point \(zeroPoint), \"\(name.printable(60))\""
  }
}

extension String {
  fileprivate func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }
}
