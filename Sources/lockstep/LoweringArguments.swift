import ArgumentParser
import Arithmetic
import IntegerProgram

/// The options by which a command chooses among the arithmetics in circulation for the same file.
struct LoweringArguments: ParsableArguments {
  enum RoundingRule: String, CaseIterable, ExpressibleByArgument {
    case tfliteDouble = "tflite-double"
    case tfliteSingle = "tflite-single"
    case halfEven = "half-even"

    var rounding: Rounding {
      switch self {
      case .tfliteDouble: .double
      case .tfliteSingle: .single
      case .halfEven: .halfEven
      }
    }
  }

  @Option(
    help: ArgumentHelp(
      "How accumulators are rounded to codes.",
      discussion: """
        tflite-double rounds twice, as TensorFlow Lite Micro and CMSIS-NN do; tflite-single once, as builds with \
        TFLITE_SINGLE_ROUNDING do; half-even once, ties to even. ONNX files say themselves how each layer rounds.
        """))
  var rounding = RoundingRule.tfliteDouble

  @Option(
    help: ArgumentHelp(
      "The precision in which products and quotients of scales are formed.",
      discussion: """
        double as TensorFlow Lite Micro does since 13 October 2026; float32 as earlier releases do for FULLY_CONNECTED, \
        SUB, RELU, LEAKY_RELU and HARD_SWISH.
        """))
  var scaleProduct = LoweringOptions.ScaleProduct.double

  @OptionGroup private var function: SignatureArgument

  var signature: String? { function.signature }

  var options: LoweringOptions { LoweringOptions(rounding: rounding.rounding, scaleProduct: scaleProduct) }
}

extension LoweringOptions.ScaleProduct: ExpressibleByArgument {}
