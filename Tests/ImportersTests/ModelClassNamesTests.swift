import Testing

@testable import Importers

/// Names of classes in a model's own metadata, which may be anyone's.
@Suite struct ModelClassNamesTests {
  /// A FlatBuffer in the making: every part in front of those that it leads to.
  private indirect enum Part {
    case table([Int: Part]), vector([Part]), text(String), bytes([UInt8]), byte(UInt8), number(UInt32)

    static func file(_ root: Part, _ identifier: String) -> [UInt8] {
      var bytes = [0, 0, 0, 0] + Array(identifier.utf8)
      root.write(to: &bytes, at: 0)
      return bytes
    }

    private static func little(_ number: Int, _ width: Int) -> [UInt8] {
      (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Appends the part, and its distance at `place`.
    private func write(to bytes: inout [UInt8], at place: Int) {
      func point(_ bytes: inout [UInt8]) { bytes.replaceSubrange(place..<place + 4, with: Self.little(bytes.count - place, 4)) }
      switch self {
      case .table(let fields):
        let count = (fields.keys.max() ?? -1) + 1
        let list = bytes.count
        bytes += Self.little(4 + 2 * count, 2) + Self.little(4 + 4 * count, 2)
        for field in 0..<count { bytes += Self.little(fields[field] == nil ? 0 : 4 + 4 * field, 2) }
        point(&bytes)
        let start = bytes.count
        bytes += Self.little(start - list, 4) + [UInt8](repeating: 0, count: 4 * count)
        for (field, part) in fields.sorted(by: { $0.key < $1.key }) {
          let at = start + 4 + 4 * field
          switch part {
          case .byte(let byte): bytes[at] = byte
          case .number(let number): bytes.replaceSubrange(at..<at + 4, with: Self.little(Int(number), 4))
          default: part.write(to: &bytes, at: at)
          }
        }
      case .vector(let parts):
        point(&bytes)
        let start = bytes.count + 4
        bytes += Self.little(parts.count, 4) + [UInt8](repeating: 0, count: 4 * parts.count)
        for (index, part) in parts.enumerated() { part.write(to: &bytes, at: start + 4 * index) }
      case .text(let text):
        point(&bytes)
        bytes += Self.little(text.utf8.count, 4) + Array(text.utf8) + [0]
      case .bytes(let data):
        point(&bytes)
        bytes += Self.little(data.count, 4) + data
      case .byte, .number: break
      }
    }
  }

  /// A model with nothing but metadata, which name `file` for its output, and `archive` behind it.
  private func model(file: String = "labels.txt", type: UInt8 = 2, archive: (Int) -> [UInt8]) -> [UInt8] {
    let labels = Part.table([0: .text(file), 2: .byte(type)])
    let metadata = Part.file(
      .table([3: .vector([.table([3: .vector([.table([6: .vector([labels])])])])])]), "M001")
    let bytes = Part.file(
      .table([
        0: .number(3), 4: .vector([.table([:]), .table([0: .bytes(metadata)])]),
        6: .vector([.table([0: .text("TFLITE_METADATA"), 1: .number(1)])]),
      ]), "TFL3")
    return bytes + archive(bytes.count)
  }

  /// A ZIP archive of one stored file, whose places count from `start`.
  private func archive(_ name: String, _ text: String, start: Int) -> [UInt8] {
    func little(_ number: Int, _ width: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    let (content, title) = (Array(text.utf8), Array(name.utf8))
    let sizes = little(content.count, 4) + little(content.count, 4) + little(title.count, 2)
    let local = Array("PK".utf8) + [3, 4] + little(20, 2) + little(0, 12) + sizes + little(0, 2) + title + content
    let directory =
      Array("PK".utf8) + [1, 2] + little(20, 2) + little(20, 2) + little(0, 12) + sizes + little(0, 12) + little(start, 4)
      + title
    return local + directory + Array("PK".utf8) + [5, 6] + little(0, 4) + little(1, 2) + little(1, 2)
      + little(directory.count, 4) + little(start + local.count, 4) + little(0, 2)
  }

  @Test("the labels file of an output is found in the archive behind the model, whichever way its places count")
  func tensorFlowLite() {
    for isFromModel in [true, false] {
      let names = ModelClassNames(of: model { archive("labels.txt", "cat\r\ndög\n\n", start: isFromModel ? $0 : 0) })
      #expect(names.fault == nil && names.lists.map(\.names) == [["cat", "dög"]] && names.lists.first?.source == "labels.txt")
    }
    // Other files than of an axis' labels are no names.
    let other = ModelClassNames(of: model(type: 1) { archive("labels.txt", "cat\n", start: $0) })
    #expect(other.lists.isEmpty && other.fault == nil)
  }

  @Test("what is not there, too large or no text is a fault and no name")
  func faults() {
    for (bytes, reason) in [
      (model { _ in [] }, "the ZIP archive behind the model is cut short or damaged"),
      (model { archive("other.txt", "cat\n", start: $0) }, "has no such file"),
      (model { archive("labels.txt", String(repeating: "x", count: 1 << 21), start: $0) }, "that has 2097152 bytes"),
    ] {
      let names = ModelClassNames(of: bytes)
      #expect(names.lists.isEmpty && names.fault?.contains(reason) == true, "\(names)")
    }
  }

  @Test("cut short or damaged anywhere it is names, a fault or nothing, never fatal")
  func damage() {
    let bytes = model { archive("labels.txt", "cat\ndog\n", start: $0) }
    for place in bytes.indices {
      for change: UInt8 in [0xFF, 0x80, 0x01] {
        var damaged = bytes
        damaged[place] ^= change
        _ = ModelClassNames(of: damaged)
      }
      _ = ModelClassNames(of: Array(bytes[..<place]))
    }
  }

  private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(content.count)] + content
  }

  @Test("ONNX's metadata have names as lists, dictionaries or lines")
  func onnx() {
    for (text, names) in [
      ("{0: 'cat', 1: 'dog'}", ["cat", "dog"]), ("{\"1\": \"dog\", \"0\": \"c\\u0061t\"}", ["cat", "dog"]),
      ("[\"cat\", 'do\\'g']", ["cat", "do'g"]), ("cat\ndog\n", ["cat", "dog"]),
    ] {
      let entry = field(14, field(1, Array("names".utf8)) + field(2, Array(text.utf8)))
      // ir_version first, as every writer has it.
      let found = ModelClassNames(of: [8, 8] + entry)
      #expect(found.lists.map(\.names) == [names] && found.fault == nil, "\(text)")
    }
    for text in ["{0: 'cat', 2: 'dog'}", "{0: 'cat', 0: 'dog'}", "['cat' 'dog']", "['cat", "{", "[]", "cat", "", "[1, 2]"] {
      #expect(NameList.names(text) == nil, "\(text)")
    }
    let other = field(14, field(1, Array("author".utf8)) + field(2, Array("['a']".utf8)))
    #expect(ModelClassNames(of: [8, 8] + other).lists.isEmpty)
  }
}
