/// Tables with the same elements, and functions with the same text, each once: a layer that is repeated at every moment of
/// time would else bring its weights and its code every time.
struct OnceWritten {
  private(set) var tables: [KernelWriter.Table] = []
  private(set) var kernels: [KernelWriter.Kernel?]
  /// The functions that kernels share, which read tables, too.
  private(set) var shared: [CText]

  init(_ kernels: [KernelWriter.Kernel?], shared: [CText], _ tables: [KernelWriter.Table]) {
    struct Content: Hashable {
      var type: String
      var elements: [Int64]
    }
    var names: [Content: String] = [:]
    var renamed: [String: String] = [:]
    for table in tables {
      let content = Content(type: table.type, elements: table.elements)
      if let first = names[content] {
        renamed[table.name] = first
      } else {
        names[content] = table.name
        self.tables.append(table)
      }
    }
    self.kernels = kernels
    self.shared = renamed.isEmpty ? shared : shared.map { CText(written: Self.replacing(renamed, in: $0.text)) }
    var functions: [String: (index: Int, name: String)] = [:]
    for (index, kernel) in kernels.enumerated() {
      guard var kernel else { continue }
      if !renamed.isEmpty {
        kernel.function = Self.replacing(renamed, in: kernel.function)
        kernel.arguments = Self.replacing(renamed, in: kernel.arguments)
      }
      // The function's own name, which stands in it once.
      var body = kernel.function
      if let name = body.firstRange(of: kernel.name) { body.removeSubrange(name) }
      if let first = functions[body] {
        kernel.name = first.name
        kernel.function = ""
        self.kernels[first.index]?.comment += Self.alike(index)
      } else {
        functions[body] = (index, kernel.name)
      }
      self.kernels[index] = kernel
    }
  }

  private static func alike(_ step: Int) -> String { " Step \(step) likewise." }

  /// Text with other identifiers.
  private static func replacing(_ names: [String: String], in text: String) -> String {
    var result: [UInt8] = []
    let bytes = Array(text.utf8)
    var place = 0
    while place < bytes.count {
      guard CNames.isPartOfName(bytes[place]) else {
        result.append(bytes[place])
        place += 1
        continue
      }
      let start = place
      while place < bytes.count, CNames.isPartOfName(bytes[place]) { place += 1 }
      let name = String(decoding: bytes[start..<place], as: UTF8.self)
      result += (names[name] ?? name).utf8
    }
    return String(decoding: result, as: UTF8.self)
  }
}
