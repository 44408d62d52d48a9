/// The layers of a network to be trained, in order; each but the last is followed by a ReLU.
public struct Architecture: Sendable, Equatable {
  public enum Layer: Sendable, Equatable {
    /// Square kernels and strides. With `same` padding an output has ⌈input / stride⌉ rows and columns.
    case convolution(filters: Int, kernel: Int, stride: Int, isSame: Bool)
    case averagePool(size: Int, stride: Int)
    /// Adds the output of an earlier layer, counted from 0, to that of the layer before.
    case add(layer: Int)
    case dense(units: Int)
  }

  public var height, width, channels: Int
  public var layers: [Layer]

  public var classes: Int { if case .dense(let units)? = layers.last { units } else { 0 } }

  /// The text that describes the same network.
  public var text: String {
    let lines = layers.map { layer in
      switch layer {
      case .convolution(let filters, let kernel, let stride, let isSame):
        "conv \(filters) kernel \(kernel) stride \(stride)" + (isSame ? " padding same" : "")
      case .averagePool(let size, let stride): "average-pool \(size) stride \(stride)"
      case .add(let layer): "add \(layer + 1)"
      case .dense(let units): "dense \(units)"
      }
    }
    return (["input \(height) \(width) \(channels)"] + lines).joined(separator: "\n") + "\n"
  }
}

/// A description that cannot be read: the line, counted from 1, and why.
public struct ArchitectureError: Error, Sendable, CustomStringConvertible {
  public var line: Int
  public var reason: String
  public var description: String { "line \(line): \(reason)" }
}

extension Architecture {
  /// Layers of a size that no microcontroller has are a slip of the keyboard.
  private static let largest = 1 << 16
  private static let mostLayers = 1000

  /// Reads a description: a line each for the input and the layers; `#` begins a comment.
  ///
  ///     input 28 28 1                            height, width, channels
  ///     conv 16 kernel 5 stride 2 padding same   padding valid unless said
  ///     average-pool 2 stride 2                  stride as the size unless said
  ///     add 1                                    the output of layer 1, counted from 1
  ///     dense 10                                 the last layer: a unit for each class
  public init(parsing text: String) throws(ArchitectureError) {
    var input: [Int]?
    var layers: [Layer] = []
    var number = 0
    var inputLine = 1
    var layerLines: [Int] = []
    let lines = text.drop { $0 == "\u{FEFF}" }.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for line in lines {
      number += 1
      var words = Words(line: number, words: line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace))
      guard let kind = words.next() else { continue }
      if kind == "input" {
        guard input == nil else { throw words.fault("a network has one input") }
        inputLine = number
        input = [try words.number("height"), try words.number("width"), try words.number("channels")]
        try words.end()
        continue
      }
      guard input != nil else { throw words.fault("the first line is: input HEIGHT WIDTH CHANNELS") }
      guard layers.count < Self.mostLayers else { throw words.fault("there are over \(Self.mostLayers) layers") }
      layers.append(try Self.layer(kind, &words, after: layers.count))
      layerLines.append(number)
      try words.end()
    }
    guard let input else { throw ArchitectureError(line: max(1, number), reason: "there is no input: input 28 28 1") }
    guard case .dense? = layers.last else {
      throw ArchitectureError(line: layerLines.last ?? max(1, number), reason: "the last layer must be dense, with a unit for each class")
    }
    self.init(height: input[0], width: input[1], channels: input[2], layers: layers)
    do {
      _ = try LayerPlan.plans(of: self)
    } catch let error {
      throw ArchitectureError(line: error.layer.map { layerLines[$0] } ?? inputLine, reason: error.reason)
    }
  }

  private static func layer(_ kind: String, _ words: inout Words, after count: Int) throws(ArchitectureError) -> Layer {
    switch kind {
    case "dense": return .dense(units: try words.number("units"))
    case "add":
      let layer = try words.number("layer")
      guard layer <= count else { throw words.fault("add \(layer) needs a layer above; there are \(count)") }
      return .add(layer: layer - 1)
    case "average-pool":
      let size = try words.number("size")
      return .averagePool(size: size, stride: words.take("stride") ? try words.number("stride") : size)
    case "conv":
      let filters = try words.number("filters")
      var (kernel, stride, isSame): (Int?, Int?, Bool?)
      while true {
        if kernel == nil, words.take("kernel") {
          kernel = try words.number("kernel")
        } else if stride == nil, words.take("stride") {
          stride = try words.number("stride")
        } else if isSame == nil, words.take("padding") {
          switch words.next() {
          case "same": isSame = true
          case "valid": isSame = false
          default: throw words.fault("padding is same or valid")
          }
        } else {
          break
        }
      }
      guard let kernel else { throw words.fault("conv needs: kernel SIZE") }
      return .convolution(filters: filters, kernel: kernel, stride: stride ?? 1, isSame: isSame ?? false)
    default:
      throw words.fault("\"\(kind.prefix(40))\" is no layer; known: input, conv, average-pool, add, dense")
    }
  }

  /// The words of a line that are left.
  private struct Words {
    let line: Int
    var words: [Substring]

    init(line: Int, words: [Substring]) {
      self.line = line
      self.words = words
    }
    func fault(_ reason: String) -> ArchitectureError { ArchitectureError(line: line, reason: reason) }
    mutating func next() -> String? { words.isEmpty ? nil : String(words.removeFirst()) }
    mutating func take(_ word: String) -> Bool {
      guard words.first.map(String.init) == word else { return false }
      words.removeFirst()
      return true
    }
    mutating func number(_ name: String) throws(ArchitectureError) -> Int {
      guard let word = next() else { throw fault("the \(name) is missing") }
      guard let number = Int(word), (1...Architecture.largest).contains(number) else {
        throw fault("the \(name) is \"\(word.prefix(40))\"; it must be in 1 … \(Architecture.largest)")
      }
      return number
    }
    func end() throws(ArchitectureError) {
      if let word = words.first { throw fault("\"\(word.prefix(40))\" is one word too many") }
    }
  }
}
