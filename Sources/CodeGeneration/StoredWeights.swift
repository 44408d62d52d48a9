import IntegerProgram

/// How weights that 4 bits hold lie in flash.
public enum WeightStorage: String, CaseIterable, Sendable {
  /// Two a byte where that halves them for little: in portable C, and in the kernels of Arm's DSP and vector extensions
  /// for convolutions and dense layers. Others that are made for a processor read bytes.
  case automatic
  /// Two a byte wherever 4 bits hold all of a layer's weights, even if only portable C can read them.
  case packed
  /// A byte each.
  case bytes
}

extension Affine {
  /// Whether 4 bits hold every weight.
  var hasNibbles: Bool { weights.allSatisfy { (-8...7).contains($0) } }

  /// Bytes that the weights take in portable C, as it is made by default.
  public var storedWeightBytes: Int {
    if hasNibbles {
      let run = isDepthwise ? geometry.outputChannels : weightsPerOutput
      return weights.count / max(run, 1) * ((run + 1) / 2)
    }
    let span = Int(weights.max() ?? 0) - Int(weights.min() ?? 0)
    return weights.count * (span <= 255 ? 1 : 2)
  }
}

/// The weights of a step as portable C reads them.
struct StoredWeights {
  enum Form: Equatable {
    case words, bytes
    /// As bytes, which `offset` is to be added to: weights of a span of 256 around another place than 0.
    case offsetBytes(Int32)
    /// Two a byte, the first in the low half; every run starts with a byte.
    case nibbles
  }

  let form: Form
  /// Weights that lie in a row: of an output channel, or of a tap of all channels.
  let run: Int
  let elements: [Int64]

  /// `weights` are runs of `run` weights each. `codes` are those that they are multiplied by.
  init(_ affine: Affine, _ weights: [Int16], run: Int, isPacked: Bool, codes: ClosedRange<Int64>) {
    self.run = run
    let (low, high) = (Int64(weights.min() ?? 0), Int64(weights.max() ?? 0))
    if isPacked, affine.hasNibbles {
      form = .nibbles
      elements = Swift.stride(from: 0, to: weights.count, by: run).flatMap { start in
        Swift.stride(from: start, to: start + run, by: 2).map { place -> Int64 in
          let upper = place + 1 < start + run ? Int64(weights[place + 1]) : 0
          return (upper & 15) << 4 | Int64(weights[place]) & 15
        }
      }
    } else if low >= -128, high <= 127 {
      form = .bytes
      elements = weights.map(Int64.init)
    } else if high - low <= 255, Self.sumsStayInside(affine, codes, offset: low + 128) {
      form = .offsetBytes(Int32(low + 128))
      elements = weights.map { Int64($0) - low - 128 }
    } else {
      form = .words
      elements = weights.map(Int64.init)
    }
  }

  /// Whether sums of codes times what is stored, of codes times the offset, and both with the bias, in any order, stay
  /// inside 32 bits.
  private static func sumsStayInside(_ affine: Affine, _ codes: ClosedRange<Int64>, offset: Int64) -> Bool {
    let code = max(abs(codes.lowerBound), abs(codes.upperBound))
    let bias = affine.bias.reduce(Int64(0)) { max($0, abs(Int64($1))) }
    return bias + Int64(affine.weightsPerOutput) * code * (128 + abs(offset)) <= Int64(Int32.max)
  }

  var cType: String {
    switch form {
    case .words: "int16_t"
    case .bytes, .offsetBytes: "int8_t"
    case .nibbles: "uint8_t"
    }
  }
  /// Weights that an element of the table holds.
  var unit: Int { form == .nibbles ? 2 : 1 }
  /// Elements of the table that a run takes.
  var stride: Int { form == .nibbles ? (run + 1) / 2 : run }
  var offset: Int32 { if case .offsetBytes(let offset) = form { offset } else { 0 } }
  /// What a comment says of the order in which they lie.
  var note: String {
    switch form {
    case .words, .bytes: ""
    case .offsetBytes(let offset): ", less \(offset)"
    case .nibbles: "; two a byte, the first in the low half, runs of \(run)"
    }
  }

  /// Takes the weight in the low or the high half of an unsigned word, `name`, whose bits are those of the weight plus 8.
  private static func low(_ name: String, _ pair: String) -> String { "const uint32_t \(name) = (\(pair) & 15u) ^ 8u;" }
  private static func high(_ name: String, _ pair: String) -> String { "const uint32_t \(name) = (\(pair) >> 4) ^ 8u;" }
  private static func weight(_ name: String) -> String { "((int32_t)\(name) - 8)" }

  /// Writes the loop that adds products of `count` weights from `w` on: `add` gets a weight and its place. `isEven`
  /// and `isOdd` say what is known of `count`.
  func sum(_ count: String, isEven: Bool, isOdd: Bool, _ text: inout CText, _ add: (inout CText, String, String) -> Void) {
    guard form == .nibbles else {
      text.loop("i", below: count) { add(&$0, "(int32_t)w[i]", "i") }
      return
    }
    let pairs = Int(count).map { "\($0 / 2)" } ?? "(\(count) / 2)"
    if pairs != "0" {
      text.loop("i", below: pairs) { text in
        text.line("const uint32_t pair = w[i];")
        text.line(Self.low("low", "pair"))
        text.line(Self.high("high", "pair"))
        add(&text, Self.weight("low"), "2 * i")
        add(&text, Self.weight("high"), "(2 * i) + 1")
      }
    }
    if isEven { return }
    let place = Int(count).map { "\($0 - 1)" } ?? "\(count) - 1"
    func addLast(_ text: inout CText) {
      text.line("const uint32_t pair = w[\(pairs)];")
      text.line(Self.low("last", "pair"))
      add(&text, Self.weight("last"), place)
    }
    if isOdd { addLast(&text) } else { text.block("if ((\(count) % 2) != 0)", addLast) }
  }
}
