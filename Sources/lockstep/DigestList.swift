/// Files and their SHA-256 digests, a line each, as `sha256sum --check` reads them.
struct DigestList {
  var files: [(name: String, digest: String)]

  init(_ files: [(name: String, digest: String)]) { self.files = files }

  /// Reads a list; throws the number of the first line that is none of one.
  init(_ bytes: [UInt8]) throws(LineFault) {
    guard let text = String(validating: bytes, as: UTF8.self), text.last == "\n" else { throw LineFault(line: 1) }
    files = []
    var known: Set<[UInt8]> = []
    for (index, line) in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let parts = line.split(separator: "  ", maxSplits: 1)
      guard parts.count == 2, parts[0].count == 64, parts[0].allSatisfy({ "0123456789abcdef".contains($0) }),
        known.insert(Array(parts[1].utf8)).inserted
      else { throw LineFault(line: index + 1) }
      files.append((String(parts[1]), String(parts[0])))
    }
  }

  struct LineFault: Error { var line: Int }

  var text: String { files.map { "\($0.digest)  \($0.name)\n" }.joined() }
}
