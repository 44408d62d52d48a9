import Evaluation
import Importers
import IntegerProgram
import Properties
import Testing

@testable import lockstep

@Suite struct PerturbationTests {
  /// A scale that is no short decimal: 0.1 as a float is 13421773 / 2^27.
  private let program = IntegerProgram(
    name: "p", values: [Value(name: "x", tensor: 0, shape: [1, 2, 2], type: .int8, scale: 0.1, zeroPoint: -128)],
    steps: [], inputs: [0], outputs: [0])

  @Test(
    "a real ε is divided by the scale exactly",
    arguments: [
      ("0.3", 2), ("0.31", 3), ("0.30000000447034836", 3), ("0.30000000447034835", 2), ("0", 0), ("1000000", 65536),
    ])
  func real(text: String, codes: Int32) throws {
    // 3 codes are 40265319 / 2^27 = 0.300000004470348358…
    let epsilon = try #require(Epsilon(text))
    #expect(
      try Perturbation(epsilon: epsilon, isReal: true, mask: nil, program: program).radii == [
        codes, codes, codes, codes,
      ])
  }

  @Test("in codes ε is a whole number; the mask keeps what is 0 in it")
  func codes() throws {
    let three = try #require(Epsilon("03"))
    #expect(three.text == "3")
    let perturbation = try Perturbation(
      epsilon: three, isReal: false, mask: [true, false, true, false], program: program)
    #expect(perturbation.radii == [3, 0, 3, 0] && perturbation.name == "e3")
    // However large, it is a number of codes; none is further away than the type allows.
    let huge = try #require(Epsilon("1" + String(repeating: "0", count: 30)))
    #expect(
      try Perturbation(epsilon: huge, isReal: false, mask: nil, program: program).radii == [65536, 65536, 65536, 65536])
    let half = try #require(Epsilon("0.5"))
    #expect { try Perturbation(epsilon: half, isReal: false, mask: nil, program: program) } throws: {
      "\($0)".contains("no whole number of codes")
    }
  }

  @Test("what is no ε or code range is none")
  func refusals() throws {
    for text in ["", "-1", "1e3", "1/2", ".5", "5.", "0x1", " 1", "+1"] { #expect(Epsilon(text) == nil, "\(text)") }
    #expect(try EpsilonList("1,2").epsilons.count == 2)
    #expect(try CodeRange("-128--1").range == -128 ... -1 && CodeRange("0-255").range == 0...255)
    #expect(try IndexList("4-6,0,5").indices == [0, 4, 5, 6])
    func reason<T>(_ body: () throws -> T) -> String {
      do { return "\(try body())" } catch { return "\(error)" }
    }
    #expect(reason { try EpsilonList("1,2,2") }.contains("2 is given twice"))
    #expect(reason { try EpsilonList("0.1,0.10") }.contains("0.1 and 0.10 are one number"))
    #expect(reason { try EpsilonList("-1") }.contains("-1 is below 0"))
    #expect(reason { try EpsilonList("1,,2") }.contains("is no epsilon"))
    #expect(reason { try CodeRange("5-1") }.contains("5-1 runs backwards"))
    #expect(reason { try CodeRange("5") }.contains("is no range of codes"))
    #expect(reason { try IndexList("5-3") }.contains("5-3 runs backwards"))
    #expect(reason { try IndexList("a") }.contains("neither a number"))
    #expect(reason { try StageList("luck") }.contains("attack, intervals, lagrangian, linear-program"))
  }

  @Test("radii from a file: integers are codes, floats real values; none is negative")
  func radii() throws {
    let folder = try TemporaryFolder()
    func radii(_ array: NumPyArray) throws -> [Int32] {
      try Perturbation(radiiFile: folder.write(array.fileBytes, "r.npy"), mask: nil, program: program).radii
    }
    #expect(try radii(NumPyArray([0, 1, 2, 300] as [Int64], shape: [2, 2])) == [0, 1, 2, 300])
    #expect(try radii(NumPyArray([0, 0.1, 0.19, 1] as [Float], shape: [4])) == [0, 1, 1, 9])
    // Multiples of the scale, exact as doubles; as floats, 3 · scale would be larger and 7 · scale smaller.
    let scale = Double(0.1 as Float)
    #expect(
      try radii(NumPyArray([3 * scale, (3 * scale).nextDown, 7 * scale, 1e300], shape: [4])) == [3, 2, 7, 65536])
    for bad in [
      NumPyArray([0, 1, -2, 3] as [Int8], shape: [4]), NumPyArray([0, 1, .nan, 3] as [Float], shape: [4]),
      NumPyArray([1] as [Int8], shape: [1]), NumPyArray([0, 1, .infinity, 3] as [Double], shape: [4]),
    ] { #expect(throws: FileError.self) { try radii(bad) } }
  }
}
