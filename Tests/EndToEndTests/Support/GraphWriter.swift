/// Writes small ONNX files, field by field as the protocol buffers' schema numbers them.
struct GraphWriter {
  private var nodes: [UInt8] = []
  private var constants: [UInt8] = []
  private var count = 0

  private static func varint(_ number: Int) -> [UInt8] {
    var (rest, bytes) = (UInt64(bitPattern: Int64(number)), [UInt8]())
    repeat {
      bytes.append(UInt8(rest & 127) | (rest > 127 ? 128 : 0))
      rest >>= 7
    } while rest > 0
    return bytes
  }
  private static func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }
  private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
  }
  private static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
  private static func littleEndian<T>(_ number: T) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

  private mutating func name() -> String {
    count += 1
    return "v\(count)"
  }

  private mutating func constant(_ shape: [Int], type: Int, _ bytes: [UInt8]) -> String {
    let name = name()
    constants += Self.field(
      5,
      shape.flatMap { Self.field(1, $0) } + Self.field(2, type) + Self.field(8, name) + Self.field(9, bytes))
    return name
  }
  mutating func constant(_ numbers: [Float], _ shape: [Int] = []) -> String {
    constant(shape, type: 1, numbers.flatMap { Self.littleEndian($0.bitPattern) })
  }
  mutating func constant(_ codes: [Int8], _ shape: [Int] = []) -> String {
    constant(shape, type: 3, codes.map { UInt8(bitPattern: $0) })
  }

  enum Attribute {
    case int(Int), ints([Int]), text(String), float(Float)
  }

  mutating func node(
    _ type: String, _ inputs: [String], _ attributes: KeyValuePairs<String, Attribute> = [:], domain: String = ""
  ) -> String {
    let output = name()
    var bytes = inputs.flatMap { Self.field(1, $0) } + Self.field(2, output) + Self.field(4, type)
    for (name, value) in attributes {
      var attribute = Self.field(1, name)
      switch value {
      case .int(let number): attribute += Self.field(3, number) + Self.field(20, 2)
      case .ints(let numbers): attribute += numbers.flatMap { Self.field(8, $0) } + Self.field(20, 7)
      case .text(let text): attribute += Self.field(4, text) + Self.field(20, 3)
      case .float(let number):
        attribute += Self.varint(2 << 3 | 5) + Self.littleEndian(number.bitPattern) + Self.field(20, 1)
      }
      bytes += Self.field(5, attribute)
    }
    if !domain.isEmpty { bytes += Self.field(7, domain) }
    nodes += Self.field(1, bytes)
    return output
  }

  /// The file of the graph from a float input `x` of a shape to `output`.
  func file(inputShape: [Int], output: String) -> [UInt8] {
    func value(_ name: String, _ shape: [Int]?) -> [UInt8] {
      let dimensions = (shape ?? []).flatMap { Self.field(1, Self.field(1, $0)) }
      return Self.field(1, name)
        + Self.field(2, Self.field(1, Self.field(1, 1) + (shape == nil ? [] : Self.field(2, dimensions))))
    }
    let graph =
      nodes + Self.field(2, "graph") + constants + Self.field(11, value("x", inputShape))
      + Self.field(12, value(output, nil))
    let opsets = [("", 13), ("qonnx.custom_op.general", 1)].flatMap { domain, version in
      Self.field(8, Self.field(1, domain) + Self.field(2, version))
    }
    return Self.field(1, 8) + opsets + Self.field(7, graph)
  }
}
