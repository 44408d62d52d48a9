import Network

/// Custom operators of TensorFlow Lite Micro's signal library, by their names in the file.
enum TFLiteSignal: String, CaseIterable {
  case window = "SignalWindow"
  case autoScale = "SignalFftAutoScale"
  case fourier = "SignalRfft"
  case energy = "SignalEnergy"
  case filterBank = "SignalFilterBank"
  case squareRoot = "SignalFilterBankSquareRoot"
  case subtraction = "SignalFilterBankSpectralSubtraction"
  case gainControl = "SignalPCAN"
  case logarithm = "SignalFilterBankLog"

  /// What the operator is by its options; else what is wrong with them.
  func kind(options bytes: [UInt8]) -> Operation.Kind {
    var missing: String?
    let options = FlexBuffer(bytes)?.integers ?? [:]
    func option(_ name: String, _ range: ClosedRange<Int>) -> Int {
      guard let value = options[name], let number = Int(exactly: value), range.contains(number) else {
        missing = missing ?? name
        return range.lowerBound
      }
      return number
    }
    let counts = 0...1 << 16
    let shifts = 0...31
    let shares = 0...1 << 16
    let function: SignalFunction
    switch self {
    case .window: function = .window(shift: option("shift", shifts))
    case .autoScale: function = .autoScale
    case .fourier:
      let length = option("fft_length", counts)
      // TensorFlow Lite's number of int16.
      if options["T"] != 7 {
        return .unsupported(reason: "it transforms what is not int16 (its option T is \(options["T"] ?? 0), not 7)")
      }
      function = .fourier(length: length)
    case .energy:
      let (first, end) = (option("start_index", counts), option("end_index", counts))
      guard first < end else { return .unsupported(reason: "its bins \(first)..<\(end) are none") }
      function = .energy(first..<end)
    case .filterBank: function = .filterBank(channels: option("num_channels", 1...1 << 12))
    case .squareRoot: function = .squareRoot
    case .subtraction:
      function = .subtraction(
        SpectralSubtraction(
          smoothing: [option("smoothing", shares), option("alternate_smoothing", shares)],
          oneMinusSmoothing: [option("one_minus_smoothing", shares), option("alternate_one_minus_smoothing", shares)],
          least: option("min_signal_remaining", shares), smoothingBits: option("smoothing_bits", shifts),
          bits: option("spectral_subtraction_bits", shifts), isClamped: option("clamping", 0...1) == 1))
    case .gainControl: function = .gainControl(shift: option("snr_shift", shifts))
    case .logarithm:
      function = .logarithm(
        scale: option("output_scale", 0...1 << 20), correctionBits: option("input_correction_bits", shifts))
    }
    if let missing {
      return .unsupported(
        reason:
          "its option \(missing) is \(options[missing].map { "\($0)" } ?? "missing"), which its kernel cannot take")
    }
    return .signal(function)
  }

  /// What the library's other operators are refused for.
  static func refusal(of name: String) -> (reason: String, remedy: String)? {
    guard name.hasPrefix("Signal") else { return nil }
    return (
      "of the signal library's operators, those between samples and features of a frame are supported: "
        + allCases.map(\.rawValue).joined(separator: ", "),
      "let the caller do what stands in front (a frame of samples a call), or end the model in front of this operator"
    )
  }
}
