import Importers
import IntegerProgram
import Testing

@testable import Evaluation

/// One way to read inputs: what the numbers of a file are, for every command.
@Suite struct InputArrayTests {
  private func value(_ shape: [Int], _ type: CodeType = .int8, scale: Float = 0.5, zeroPoint: Int32 = -3) -> Value {
    Value(name: "x", tensor: 0, shape: shape, type: type, scale: scale, zeroPoint: zeroPoint)
  }
  private func read(
    _ bytes: [UInt8], _ name: String, _ value: Value, bytes meaning: ByteMeaning? = nil, isReal: Bool = false
  ) throws -> InputArray {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try InputArray(path: folder.write(bytes, name), for: value, meaning: InputMeaning(bytes: meaning, isReal: isReal))
  }

  @Test("bytes for an int8 input are pixels, which is told, unless something is said; the one meaning for all formats")
  func bytesForInt8() throws {
    let npy = NumPyArray([0, 1, 127, 255] as [UInt8], shape: [1, 4]).fileBytes
    let idx: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 1, 127, 255]
    for (bytes, name) in [(npy, "x.npy"), (idx, "x.idx")] {
      let usual = try read(bytes, name, value([1, 4]))
      #expect(usual.codes(0) == [-128, -127, -1, 127])
      #expect(usual.note?.contains("--bytes codes") == true)
      let pixels = try read(bytes, name, value([1, 4]), bytes: .pixels)
      #expect(pixels.codes(0) == [-128, -127, -1, 127] && pixels.note == nil)
      #expect { try read(bytes, name, value([1, 4]), bytes: .codes) } throws: {
        "\($0)".contains("vector 0, element 3 is 255, outside int8")
      }
      // Where nothing else could be meant nothing is said, and nothing is changed.
      let unsigned = try read(bytes, name, value([1, 4], .uint8))
      #expect(unsigned.codes(0) == [0, 1, 127, 255] && unsigned.note == nil)
      let wide = try read(bytes, name, value([1, 4], CodeType(bits: 16, isSigned: true)))
      #expect(wide.codes(0) == [0, 1, 127, 255] && wide.note == nil)
    }
    let small = NumPyArray([0, 1, 99] as [UInt8], shape: [1, 3]).fileBytes
    #expect(try read(small, "x.npy", value([1, 3]), bytes: .codes).codes(0) == [0, 1, 99])
  }

  @Test("whole numbers of a CSV file are codes, with a point real values, and real values all of them where asked")
  func csv() throws {
    let whole = try read(Array("a,b,c\n1,-2, 3\n\n4;5;6\n".utf8), "x.csv", value([1, 3]))
    #expect(whole.count == 2 && whole.codes(0) == [1, -2, 3] && whole.codes(1) == [4, 5, 6])
    #expect(whole.note?.contains("codes") == true)
    // 0.5 · (code + 3): 1.5 is code 0, 2 code 1.
    let reals = try read(Array("1.5\t2\t1e1\r\n".utf8), "x.tsv", value([1, 3]))
    #expect(reals.codes(0) == [0, 1, 17] && reals.note == nil)
    #expect(try read(Array("1,2,3\n".utf8), "x.csv", value([1, 3]), isReal: true).codes(0) == [-1, 1, 3])
    #expect(try read(Array("0,128,255\n".utf8), "x.csv", value([1, 3]), bytes: .pixels).codes(0) == [-128, 0, 127])
    for (text, reason) in [
      ("1,2\n3\n", "line 2 has 1 cells, and the lines before it 2"), ("1,x\n1,2\n1,y", "line 1, cell 2 is \"x\""),
      ("a,b\n", "has no rows"), ("1,2,nan\n", "element 2 is not a number"), ("1,2,128\n", "is 128, outside int8"),
    ] {
      #expect(throws: FileError.self) { try read(Array(text.utf8), "x.csv", value([1, 3])) }
      do { _ = try read(Array(text.utf8), "x.csv", value([1, 3])) } catch { #expect("\(error)".contains(reason), "\(error)") }
    }
  }

  @Test("an option about bytes that no file has is refused, whatever the format; where one has some it is taken")
  func bytesThatAreNone() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    func take(_ bytes: [UInt8], _ name: String, _ meaning: InputMeaning) throws {
      let path = try folder.write(bytes, name)
      try meaning.expectBytes(in: [(path, InputArray(path: path, for: value([1, 2]), meaning: meaning))])
    }
    let floats = NumPyArray([0, 1] as [Float], shape: [1, 2]).fileBytes
    let (codes, wide) = (NumPyArray([0, 1] as [Int8], shape: [1, 2]).fileBytes, NumPyArray([0, 1] as [Int64], shape: [1, 2]).fileBytes)
    for meaning in ByteMeaning.allCases.map({ InputMeaning(bytes: $0) }) {
      for (bytes, name) in [(floats, "x.npy"), (codes, "x.npy"), (wide, "x.npy"), (Array("0.5,1.0\n".utf8), "x.csv")] {
        #expect { try take(bytes, name, meaning) } throws: { "\($0)".contains("says nothing: it is about bytes") }
      }
      for (bytes, name) in [
        (NumPyArray([0, 1] as [UInt8], shape: [1, 2]).fileBytes, "x.npy"), (Array("0,1\n".utf8), "x.csv"),
      ] { #expect(throws: Never.self) { try take(bytes, name, meaning) } }
    }
    let real = InputMeaning(bytes: .pixels, isReal: true)
    #expect(throws: FileError.self) { try take(Array("0,1\n".utf8), "x.csv", real) }
  }

  @Test("for a network of real numbers bytes are pixels of the range that is told, and codes are refused")
  func reals() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    func read(_ bytes: [UInt8], _ name: String, _ meaning: InputMeaning = InputMeaning()) throws -> InputArray {
      try InputArray(path: folder.write(bytes, name), forReals: "x", shape: [1, 2], meaning: meaning)
    }
    let pixels = NumPyArray([0, 255] as [UInt8], shape: [1, 2]).fileBytes
    let usual = try read(pixels, "x.npy")
    #expect(usual.reals(0) == [0, 1] && usual.note?.contains("--pixels low:high") == true)
    let other = try read(pixels, "x.npy", InputMeaning(pixels: PixelRange("-1:3")))
    #expect(other.reals(0) == [-1, 3] && other.note == nil)
    #expect(try read(Array("0,255\n".utf8), "x.csv", InputMeaning(bytes: .pixels)).reals(0) == [0, 1])
    #expect(try read(Array("0.0,255\n".utf8), "x.csv").reals(0) == [0, 255])
    for (bytes, name, meaning) in [
      (pixels, "x.npy", InputMeaning(bytes: .codes)), (Array("0,255\n".utf8), "x.csv", InputMeaning()),
      (Array("0,256\n".utf8), "x.csv", InputMeaning(bytes: .pixels)),
      (NumPyArray([0, 1] as [Int8], shape: [1, 2]).fileBytes, "x.npy", InputMeaning(bytes: .pixels)),
    ] { #expect(throws: FileError.self) { try read(bytes, name, meaning) } }
    for text in ["1:2", "0:0", "a:1", "0", "0:inf"] { #expect(PixelRange(text) == nil) }
  }

  @Test("real values that are infinite, or past single precision, are no codes", arguments: [Double.infinity, -.infinity, 1e300, .nan])
  func infinite(real: Double) throws {
    #expect { try read(NumPyArray([0, real], shape: [1, 2]).fileBytes, "x.npy", value([1, 2])) } throws: {
      "\($0)".contains("vector 0, element 1 is \(real.isNaN ? "not a number" : "infinite")")
    }
    if !real.isFinite {
      #expect(throws: FileError.self) {
        try read(NumPyArray([Float(real), 0], shape: [1, 2]).fileBytes, "x.npy", value([1, 2]))
      }
    }
  }

  @Test("an array of an archive is the only one, or named behind a colon")
  func npz() throws {
    let (a, b) = (NumPyArray([1, 2] as [Int8], shape: [1, 2]), NumPyArray([3, 4] as [Int8], shape: [1, 2]))
    #expect(try read(Archive.stored([("a", a)]), "x.npz", value([1, 2])).codes(0) == [1, 2])
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let path = try folder.write(Archive.stored([("a", a), ("b", b)]), "x.npz")
    #expect(try InputArray(path: path + ":b", for: value([1, 2])).codes(0) == [3, 4])
    #expect { try InputArray(path: path, for: value([1, 2])) } throws: { "\($0)".contains("has 2 arrays: name one") }
    #expect { try InputArray(path: path + ":c", for: value([1, 2])) } throws: { "\($0)".contains("has no array \"c\"") }
    // Cut short or damaged anywhere it is an error or an array, never fatal.
    let bytes = Archive.stored([("a", a)])
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= 0xFF
      _ = try? read(damaged, "x.npz", value([1, 2]))
      #expect(throws: FileError.self) { try read(Array(bytes[..<place]), "x.npz", value([1, 2])) }
    }
  }

  @Test("a deflated array of an archive, as numpy.savez_compressed writes it")
  func compressed() throws {
    #expect(try read(Self.savedCompressed, "x.npz", value([1, 12])).codes(0) == (0..<12).map { Int32($0 * $0 - 60) })
  }

  @Test("flat vectors and those that lack axes of 1 fit; other orders do not")
  func shapes() throws {
    let codes = (0..<12).map { Int8($0) }
    for (shape, count) in [([2, 6], 2), ([2, 2, 3], 2), ([2, 2, 3, 1], 2), ([2, 3, 1], 1), ([1, 2, 3, 1], 1)] as [([Int], Int)] {
      let bytes = NumPyArray(Array(codes.prefix(shape.reduce(1, *))), shape: shape).fileBytes
      #expect(try read(bytes, "x.npy", value([1, 2, 3, 1])).count == count, "\(shape)")
    }
    for shape in [[2, 3, 2], [12], [3, 4]] {
      #expect(throws: FileError.self) { try read(NumPyArray(codes, shape: shape).fileBytes, "x.npy", value([1, 2, 3, 1])) }
    }
  }

  /// By NumPy: savez_compressed of x = int8 [[i · i − 60 for i in 0 ..< 12]].
  private static let savedCompressed: [UInt8] = [
    80, 75, 3, 4, 45, 0, 0, 0, 8, 0, 0, 0, 33, 0, 216, 86, 52, 243, 255, 255, 255, 255, 255, 255, 255,
    255, 5, 0, 20, 0, 120, 46, 110, 112, 121, 1, 0, 16, 0, 140, 0, 0, 0, 0, 0, 0, 0, 84, 0, 0, 0, 0, 0, 0,
    0, 155, 236, 23, 234, 27, 16, 201, 200, 80, 198, 80, 173, 158, 146, 90, 156, 92, 164, 110, 165, 160,
    94, 147, 105, 168, 174, 163, 160, 158, 150, 95, 84, 82, 148, 152, 23, 159, 95, 148, 146, 10, 18, 119,
    75, 204, 41, 78, 5, 138, 23, 103, 36, 22, 164, 2, 249, 26, 134, 58, 10, 134, 70, 154, 58, 10, 181, 10,
    228, 2, 174, 35, 71, 79, 156, 189, 114, 247, 197, 87, 22, 81, 13, 91, 0, 80, 75, 1, 2, 45, 3, 45, 0,
    0, 0, 8, 0, 0, 0, 33, 0, 216, 86, 52, 243, 84, 0, 0, 0, 140, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 128, 1, 0, 0, 0, 0, 120, 46, 110, 112, 121, 80, 75, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0, 51, 0, 0, 0, 139,
    0, 0, 0, 0, 0,
  ]
}
