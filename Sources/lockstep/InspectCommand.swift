import ArgumentParser
import Importers
import Reporting

/// `lockstep inspect`: what a network is.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show a network's layers, quantisation, work, memory and accumulator ranges.",
    discussion: """
      A row a layer: its place and operator in the file, the shape and type of what it makes, the scale and zero point \
      (real = scale · (code − zero)), multiply-accumulates and weights. "accumulator" is the proved range of every sum \
      on the way to an output, over all channels and all inputs, and "bits" the register that holds it. "exponent" is \
      that of the multipliers from accumulator to code: e means a factor in 2^(e−1) ..< 2^e. In ONNX files an operator \
      and the quantiser behind it are one layer.

        lockstep inspect Examples/digits/digits.tflite
        lockstep inspect model.tflite --json | jq .total.arena
        lockstep inspect --operators

      The JSON is an object with these fields; more may be added under the same format, none is taken away or changes \
      its meaning.

        format       "lockstep-inspect-1"
        name         the file's name without folder and extension
        file         bytes, sha256
        program      sha256 of the integer program, rounding, scaleProduct
        inputs       a list of tensors, each with
          name, tensor (its index in the file; null for an intermediate),
          shape, type, scale, zeroPoint, range (lowest, highest code)
        outputs      the same
        states       the same, of what runs leave for the next
        layers       a list of steps in order, each with
          index, operator, name   as in the file
          step                    its kind; null for an operation outside
                                  the program, as DEQUANTIZE of an output is,
                                  for PAD where the next layer pads itself,
                                  and for a part of a state that the next
                                  layer takes by itself
          output                  a tensor; null likewise
          multiplyAccumulates, weights
          parameterBytes          of weights, biases and tables
          accumulator             where it adds up: lowest, highest, bits
          requantization          where it rescales: rounding, multipliers,
                                  lowestExponent, highestExponent
        signatures   the functions that a .tflite file offers, each with name,
                     inputs, outputs (as it calls them), isRead
        notices      a list of sentences: what is left to the caller, was cut
                     off, or is left open in the file
        total        layers, multiplyAccumulates, weights, parameterBytes,
                     arena (bytes of working memory)
      """)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var path: String?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(help: "List the operators that are supported, and with what limits.")
  var operators = false

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    guard (path == nil) == operators else {
      throw ValidationError(operators ? "--operators takes no model." : "Missing expected argument '<model>'")
    }
  }

  func run() throws {
    guard let path else { return print(SupportedOperator.list(json: json)) }
    let model = try ModelFile(path: path, signature: lowering.signature)
    let report = NetworkReport(model, try model.program(lowering.options), lowering.options)
    print(json ? report.json.text : report.text)
  }
}
