import Arithmetic
import ArgumentParser
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
        TFLITE_SINGLE_ROUNDING do; half-even once, ties to even, as ONNX does.
        """))
  var rounding = RoundingRule.tfliteDouble

  @Option(
    help: ArgumentHelp(
      "How input scale times weight scale is formed for fully connected layers.",
      discussion: """
        double as in TensorFlow Lite Micro since October 2026; float32 as in earlier releases, which round the product \
        to single precision.
        """))
  var scaleProduct = LoweringOptions.ScaleProduct.double

  var options: LoweringOptions { LoweringOptions(rounding: rounding.rounding, scaleProduct: scaleProduct) }
}

extension LoweringOptions.ScaleProduct: ExpressibleByArgument {}
