import Arithmetic
import Reporting

extension NetworkReport {
  /// The report for programs; the help of `inspect` documents the fields.
  var json: JSON {
    .object([
      ("format", .string("lockstep-inspect-1")),
      ("name", .string(name)),
      ("file", .object([("bytes", .integer(fileBytes)), ("sha256", .string(fileSHA256))])),
      (
        "program",
        .object([
          ("sha256", .string(programSHA256)), ("rounding", .string(rounding)),
          ("scaleProduct", .string(scaleProduct.rawValue)),
        ])
      ),
      ("inputs", .array(inputs.map(\.json))),
      ("outputs", .array(outputs.map(\.json))),
      ("states", .array(states.map(\.json))),
      ("layers", .array(layers.map(\.json))),
      ("notices", .array(notices.map { .string($0) })),
      (
        "signatures",
        .array(
          signatures.map { signature in
            .object([
              ("name", .string(signature.name)), ("inputs", .array(signature.inputs.map { .string($0) })),
              ("outputs", .array(signature.outputs.map { .string($0) })), ("isRead", .truth(signature.isRead)),
            ])
          })
      ),
      (
        "total",
        .object([
          ("layers", .integer(layers.count)), ("multiplyAccumulates", .integer(multiplyAccumulates)),
          ("weights", .integer(weights)), ("parameterBytes", .integer(parameterBytes)),
          ("arena", .integer(arenaBytes)),
        ])
      ),
    ])
  }
}

extension NetworkReport.Tensor {
  fileprivate var json: JSON {
    .object([
      ("name", .string(name)), ("tensor", index.map { .integer($0) } ?? .null), ("shape", .integers(shape)),
      ("type", .string("\(type)")), ("scale", .real(scale)), ("zeroPoint", .integer(zeroPoint)),
      ("range", .range(range)),
    ])
  }
}

extension NetworkReport.Layer {
  fileprivate var json: JSON {
    var members: [(key: String, value: JSON)] = [
      ("index", .integer(source.index)), ("operator", .string(source.type)), ("name", .string(source.name)),
      ("step", kind.map { .string($0) } ?? .null), ("output", output?.json ?? .null),
      ("multiplyAccumulates", .integer(multiplyAccumulates)), ("weights", .integer(weights)),
      ("parameterBytes", .integer(parameterBytes)),
    ]
    if let accumulator, let bits = accumulatorBits {
      members.append(
        (
          "accumulator",
          .object([
            ("lowest", .integer(Int(accumulator.lowerBound))),
            ("highest", .integer(Int(accumulator.upperBound))),
            ("bits", .integer(bits)),
          ])
        ))
    }
    if let rounding, let exponents {
      members.append(
        (
          "requantization",
          .object([
            ("rounding", .string(rounding.rawValue)), ("multipliers", .integer(multipliers)),
            ("lowestExponent", .integer(exponents.lowerBound)),
            ("highestExponent", .integer(exponents.upperBound)),
          ])
        ))
    }
    return .object(members)
  }
}
