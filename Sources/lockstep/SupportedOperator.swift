import Reporting

/// An operator of TensorFlow Lite that networks may use, and what is asked of it.
struct SupportedOperator {
  var name: String
  /// What must hold beyond int8 inputs and outputs; empty where nothing does.
  var limits: String

  static let all = [
    SupportedOperator(name: "ADD", limits: "broadcasting by NumPy's rules; fused activation"),
    SupportedOperator(
      name: "AVERAGE_POOL_2D", limits: "equal input and output quantisation; fused activation"),
    SupportedOperator(name: "CONCATENATION", limits: "equal quantisation of all inputs and the output"),
    SupportedOperator(
      name: "CONV_2D",
      limits:
        "constant int8 weights, symmetric, scales per tensor or per channel; int32 bias or none; groups, "
        + "dilation; fused activation"),
    SupportedOperator(
      name: "DEPTHWISE_CONV_2D", limits: "as CONV_2D, with any depth multiplier"),
    SupportedOperator(name: "DEQUANTIZE", limits: "of a network output: the program returns the codes"),
    SupportedOperator(name: "EXPAND_DIMS", limits: "constant axis"),
    SupportedOperator(
      name: "FULLY_CONNECTED",
      limits: "constant int8 weights, scales per tensor or per channel; int32 bias or none; fused activation"),
    SupportedOperator(name: "HARD_SWISH", limits: ""),
    SupportedOperator(name: "LEAKY_RELU", limits: ""),
    SupportedOperator(name: "LOGISTIC", limits: "output scale 1/256, zero point -128"),
    SupportedOperator(name: "MAX_POOL_2D", limits: "equal input and output quantisation; fused activation"),
    SupportedOperator(name: "MEAN", limits: "constant axes"),
    SupportedOperator(name: "MUL", limits: "broadcasting by NumPy's rules; fused activation"),
    SupportedOperator(name: "PAD", limits: "constant amounts; equal input and output quantisation"),
    SupportedOperator(name: "PADV2", limits: "as PAD, with a constant code to pad with"),
    SupportedOperator(
      name: "QUANTIZE",
      limits:
        "of a float32 network input: the program takes the codes; inside the network between int8 and uint8"),
    SupportedOperator(name: "RELU", limits: ""),
    SupportedOperator(name: "RELU6", limits: ""),
    SupportedOperator(name: "RESHAPE", limits: ""),
    SupportedOperator(name: "SOFTMAX", limits: "output scale 1/256, zero point -128; rows of at most 511"),
    SupportedOperator(name: "SQUEEZE", limits: ""),
    SupportedOperator(
      name: "STRIDED_SLICE",
      limits: "constant bounds; no ellipsis, no new axis; equal input and output quantisation"),
    SupportedOperator(name: "SUB", limits: "broadcasting by NumPy's rules; fused activation"),
    SupportedOperator(name: "TANH", limits: "output scale 1/128, zero point 0"),
    SupportedOperator(name: "TRANSPOSE", limits: "constant permutation; equal input and output quantisation"),
  ]

  /// The list as `inspect --operators` prints it.
  static func list(json: Bool) -> String {
    if json {
      return JSON.array(all.map { .object([("name", .string($0.name)), ("limits", .string($0.limits))]) })
        .text
    }
    var table = TextTable([("operator", .left), ("limits beyond int8 codes and fixed shapes", .left)])
    for entry in all { table.add([entry.name, entry.limits]) }
    return table.text
  }
}
