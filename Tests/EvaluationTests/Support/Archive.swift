import Importers

enum Archive {
  /// Stored arrays in an archive, laid out as NumPy's `savez` does.
  static func stored(_ members: [(name: String, array: NumPyArray)]) -> [UInt8] {
    func little(_ number: Int, _ width: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    var (bytes, directory): ([UInt8], [UInt8]) = ([], [])
    for (name, array) in members {
      let (content, title) = (array.fileBytes, Array((name + ".npy").utf8))
      // NumPy writes the sizes of local headers as ZIP64; those of the directory are what counts.
      let sizes = little(content.count, 4)
      directory += Array("PK".utf8) + [1, 2] + little(45, 2) + little(45, 2) + little(0, 2) + little(0, 2) + little(0, 8)
      directory += sizes + sizes + little(title.count, 2) + little(0, 2 + 2 + 2 + 2 + 4) + little(bytes.count, 4) + title
      bytes += Array("PK".utf8) + [3, 4] + little(45, 2) + little(0, 2) + little(0, 2) + little(0, 8)
      bytes += [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] + little(title.count, 2) + little(20, 2) + title
      bytes += little(1, 2) + little(16, 2) + little(content.count, 8) + little(content.count, 8) + content
    }
    let end = Array("PK".utf8) + [5, 6] + little(0, 4) + little(members.count, 2) + little(members.count, 2)
    return bytes + directory + end + little(directory.count, 4) + little(bytes.count, 4) + little(0, 2)
  }
}
