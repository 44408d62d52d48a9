import Foundation
import Testing

@testable import Importers

/// Where arrays are read from, and what they are written to.
@Suite struct ArrayFileTests {
  @Test("an array of an archive is named behind a colon, unless a file is called so")
  func paths() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = ArrayPath(folder.appending(path: "x.npz:a").path)
    #expect(place.file.hasSuffix("/x.npz") && place.member == "a")
    try Data().write(to: folder.appending(path: "x.npz:a"))
    let file = ArrayPath(folder.appending(path: "x.npz:a").path)
    #expect(file.file.hasSuffix("/x.npz:a") && file.member == nil)
    #expect { try ArrayPath(folder.path).files() } throws: { "\($0)".contains("a folder without a .png file") }
    for name in ["b.PNG", "a.png", "c.txt"] { try Data().write(to: folder.appending(path: name)) }
    #expect(try ArrayPath(folder.path).files().map { $0.split(separator: "/").last } == ["a.png", "b.PNG"])
  }

  @Test("what is written as CSV is read again as it was, and its name says that it is CSV")
  func csv() throws {
    let codes = NumPyArray([-128, 0, 127, 5] as [Int8], shape: [2, 2])
    let text = ArrayFile.bytes(of: codes, for: "y.csv")
    #expect(String(decoding: text, as: UTF8.self) == "-128,0\n127,5\n")
    #expect(try CSV.array(text).integers == [-128, 0, 127, 5])
    let reals = NumPyArray([1, 0.1, -3e-20, 16_777_216] as [Float], shape: [2, 1, 2])
    let back = try CSV.array(ArrayFile.bytes(of: reals, for: "y.TSV"))
    #expect(back.shape == [2, 2] && back.elements(0..<4, as: Double.self)?.map { Float($0) } == [1, 0.1, -3e-20, 16_777_216])
    #expect(ArrayFile.bytes(of: codes, for: "y.npy") == codes.fileBytes)
    for (path, isWritten) in [("y", true), ("a.b/y", true), ("y.npy", true), ("y.txt", true), ("y.png", false), ("y.npz", false)] {
      #expect(ArrayFile.isWritten(to: path) == isWritten, "\(path)")
    }
  }
}
