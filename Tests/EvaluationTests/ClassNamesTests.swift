import Importers
import Testing

@testable import Evaluation

@Suite struct ClassNamesTests {
  @Test("a file of the user's comes before the model's own names; those that do not fit are left out, which is told")
  func chosen() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    var own = ModelClassNames(of: [])
    #expect(ClassNames.of(own, counts: [2]) == (nil, nil))
    own.lists = [("labels.txt", ["a", "b"])]
    #expect(ClassNames.of(own, counts: [3, 2]) == (["a", "b"], nil))
    let misfit = ClassNames.of(own, counts: [3])
    #expect(misfit.names == nil && misfit.warning?.contains("has 2 lines, one a class, but the network tells 3") == true)
    own.lists = []
    own.fault = "its archive is damaged"
    #expect(ClassNames.of(own, counts: [2]).warning?.hasPrefix("its archive is damaged: its names") == true)
    let path = try folder.write(Array("x\ny\n".utf8), "names.txt")
    let chosen = try ClassNames.chosen(file: path, own: own, counts: [2])
    #expect(chosen.names == ["x", "y"] && chosen.warning == nil)
    #expect(throws: FileError.self) { try ClassNames.chosen(file: path, own: own, counts: [3]) }
  }
}

private func == (a: (names: [String]?, warning: String?), b: (names: [String]?, warning: String?)) -> Bool {
  a.names == b.names && a.warning == b.warning
}
