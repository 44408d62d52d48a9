import Network

/// Custom operators of TensorFlow Lite Micro's signal library, by their names in the file.
enum TFLiteSignal: String, CaseIterable {
  case framer = "SignalFramer"
  case stacker = "SignalStacker"
  case delay = "SignalDelay"
  case overlapAdd = "SignalOverlapAdd"
  case window = "SignalWindow"
  case autoScale = "SignalFftAutoScale"
  case fourier = "SignalRfft"
  case inverseFourier = "SignalIrfft"
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
    let stacks = 0...1 << 13
    let shares = 0...1 << 16
    let function: SignalFunction
    // TensorFlow Lite's number of int16 is 7.
    let type = options["T"]
    switch self {
    case .framer:
      let (size, step) = (option("frame_size", 1...1 << 16), option("frame_step", 1...1 << 16))
      guard size >= step else {
        return .unsupported(reason: "its frames of \(size) samples leave gaps between steps of \(step)")
      }
      function = .framer(size: size, step: step, isPrefilled: size == step || option("prefill", 0...1) == 1)
    case .stacker:
      let (left, right) = (option("stacker_left_context", stacks), option("stacker_right_context", stacks))
      let (channels, step) = (option("num_channels", 1...1 << 16), option("stacker_step", 1...1 << 14))
      guard step <= left + right + 1 else {
        return .unsupported(reason: "its stacks of \(left + right + 1) frames leave gaps between steps of \(step)")
      }
      function = .stacker(channels: channels, left: left, right: right, step: step)
    case .delay: function = .delay(by: option("delay_length", counts))
    case .overlapAdd:
      if type != 7 { return Self.unsupported(type) }
      function = .overlapAdd(step: option("frame_step", 1...1 << 16))
    case .window: function = .window(shift: option("shift", shifts))
    case .autoScale: function = .autoScale
    case .fourier, .inverseFourier:
      let length = option("fft_length", counts)
      if type != 7 { return Self.unsupported(type) }
      function = self == .fourier ? .fourier(length: length) : .inverseFourier(length: length)
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

  private static func unsupported(_ type: Int64?) -> Operation.Kind {
    .unsupported(reason: "it takes what is not int16 (its option T is \(type.map { "\($0)" } ?? "missing"), not 7)")
  }

  /// What the library's other operators are refused for.
  static func refusal(of name: String) -> (reason: String, remedy: String)? {
    guard name.hasPrefix("Signal") else { return nil }
    return (
      "of the signal library's operators, these are supported: "
        + allCases.map(\.rawValue).joined(separator: ", "),
      "let the caller do what this operator and those in front of it do, or end the model in front of it"
    )
  }
}
