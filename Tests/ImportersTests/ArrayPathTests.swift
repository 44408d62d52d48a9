import Testing

@testable import Importers

@Suite struct ArrayPathTests {
  @Test("pictures come by their names, numbers in these by their value")
  func order() {
    let names = ["10.png", "2.png", "1.png", "a10.png", "a9b.png", "a09b.png", "a9.png", "0.png", "b.png", "002.png"]
    #expect(
      names.sorted(by: ArrayPath.comesFirst)
        == ["0.png", "1.png", "002.png", "2.png", "10.png", "a9.png", "a09b.png", "a9b.png", "a10.png", "b.png"])
    for a in names { for b in names where a != b { #expect(ArrayPath.comesFirst(a, b) != ArrayPath.comesFirst(b, a)) } }
  }
}
