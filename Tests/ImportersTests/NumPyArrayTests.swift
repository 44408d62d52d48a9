import Importers
import Testing

@Suite struct NumPyArrayTests {
  /// A file with this header and data, in version 1.0, 2.0 or 3.0.
  private func file(_ header: String, _ data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
    let length = header.utf8.count
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [version, 0]
    for shift in stride(from: 0, to: version == 1 ? 16 : 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: length >> shift))
    }
    return bytes + header.utf8 + data
  }
  private func header(_ type: String, _ shape: String, fortran: Bool = false) -> String {
    "{'descr': '\(type)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }\n"
  }

  @Test("a written array is what NumPy writes, byte for byte")
  func bytesOfNumPy() {
    // numpy.save of numpy.array([[1, 2, 3], [4, 5, 6]], numpy.int16)
    let dictionary = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }"
    let expected =
      [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + dictionary.utf8
      + Array(repeating: UInt8(ascii: " "), count: 118 - dictionary.utf8.count - 1) + [0x0A]
      + [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]
    #expect(NumPyArray([1, 2, 3, 4, 5, 6] as [Int16], shape: [2, 3]).fileBytes == expected)
  }

  @Test(
    "the data starts on a multiple of 64", arguments: [[], [7], [1, 2, 3], Array(repeating: 1, count: 60)])
  func alignment(shape: [Int]) throws {
    let array = NumPyArray([Int8](repeating: 5, count: shape.reduce(1, *)), shape: shape)
    #expect((array.fileBytes.count - array.count) % 64 == 0)
    #expect(try NumPyArray(fileBytes: array.fileBytes) == array)
  }

  @Test("every element type comes back as it was written")
  func roundTrips() throws {
    func check<T: NumPyElement & Equatable>(_ elements: [T]) throws {
      let array = try NumPyArray(fileBytes: NumPyArray(elements, shape: [elements.count]).fileBytes)
      #expect(array.elements(0..<elements.count) == elements)
      #expect(array.element == T.numPyElement)
    }
    try check([Int8.min, -1, 0, .max])
    try check([UInt8.min, 1, .max])
    try check([Int16.min, -2, .max])
    try check([UInt16.min, 3, .max])
    try check([Int32.min, -4, .max])
    try check([UInt32.min, 5, .max])
    try check([Int64.min, -6, .max])
    try check([-0.5, Float.infinity, .leastNonzeroMagnitude])
    try check([-0.25, Double.greatestFiniteMagnitude])
  }

  @Test("big-endian elements are turned round")
  func bigEndian() throws {
    let array = try NumPyArray(fileBytes: file(header(">i2", "(3,)"), [0, 1, 255, 254, 1, 0]))
    #expect(array.integers == [1, -2, 256])
    let real = try NumPyArray(fileBytes: file(header(">f4", "()"), [0x3F, 0xC0, 0, 0]))
    #expect(real.elements(0..<1) == [Float(1.5)])
  }

  @Test("half precision becomes single, to the bit; integers of 64 bits without sign become such with one, or are named")
  func otherNumbers() throws {
    // 1, −2, 65504, 2^−24, −0, infinity.
    let halves: [UInt8] = [0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x01, 0x00, 0x00, 0x80, 0x00, 0x7C]
    let array = try NumPyArray(fileBytes: file(header("<f2", "(3, 2)"), halves))
    #expect(array.element == .float32 && array.shape == [3, 2])
    #expect(array.elements(0..<6) == [Float(1), -2, 65504, 0x1p-24, 0, .infinity])
    #expect(array.elements(4..<5, as: Float.self)?[0].sign == .minus)
    // [[1, 65504, −0], [−2, 2^−24, ∞]] by columns, big-endian.
    let swapped = stride(from: 0, to: 12, by: 2).flatMap { [halves[$0 + 1], halves[$0]] }
    let columns = try NumPyArray(fileBytes: file(header(">f2", "(2, 3)", fortran: true), swapped))
    #expect(columns.elements(0..<6) == [Float(1), 65504, 0, -2, 0x1p-24, .infinity])

    let small = try NumPyArray(
      fileBytes: file(header("<u8", "(2,)"), [255, 255, 255, 255, 255, 255, 255, 127, 7, 0, 0, 0, 0, 0, 0, 0]))
    #expect(small.integers == [Int64.max, 7])
    #expect { try NumPyArray(fileBytes: file(header("<u8", "(2,)"), Array(repeating: 0, count: 15) + [0x80])) } throws: {
      "\($0)".contains("element 1 is 9223372036854775808")
    }
    #expect { try NumPyArray(fileBytes: file(header("<c8", "(1,)"), Array(repeating: 0, count: 8))) } throws: {
      "\($0)".contains("'<c8'") && "\($0)".contains("f8, f2, u8, b1")
    }
  }

  @Test("Fortran order is brought to row-major order")
  func fortranOrder() throws {
    // [[0, 1, 2], [10, 11, 12]] by columns
    let array = try NumPyArray(
      fileBytes: file(header("|u1", "(2, 3)", fortran: true), [0, 10, 1, 11, 2, 12]))
    #expect(array.integers == [0, 1, 2, 10, 11, 12])

    // A 3-D array: element [i, j, k] is 100 i + 10 j + k.
    var data: [UInt8] = []
    var expected: [Int64] = []
    for k in 0..<4 { for j in 0..<3 { for i in 0..<2 { data += [UInt8(100 * i + 10 * j + k), 0] } } }
    for i in 0..<2 { for j in 0..<3 { for k in 0..<4 { expected.append(Int64(100 * i + 10 * j + k)) } } }
    let cube = try NumPyArray(fileBytes: file(header("<u2", "(2, 3, 4)", fortran: true), data))
    #expect(cube.shape == [2, 3, 4])
    #expect(cube.integers == expected)
  }

  @Test(
    "versions 2.0 and 3.0, other spacing, quotes and key order are read", arguments: [1, 2, 3] as [UInt8])
  func dialects(version: UInt8) throws {
    let header = "  {\"shape\":(2L,),'fortran_order':False , \"descr\" : '<i4'}   "
    let array = try NumPyArray(fileBytes: file(header, [1, 0, 0, 0, 2, 0, 0, 0], version: version))
    #expect(array.integers == [1, 2])
  }

  @Test("a part of an array is read without the rest")
  func parts() {
    let array = NumPyArray((0..<100).map { Int32($0) }, shape: [10, 10])
    #expect(array.integers(30..<33) == [30, 31, 32])
    #expect(array.elements(0..<5, as: Float.self) == nil)
    #expect(NumPyArray([1.5], shape: []).integers == nil)
  }

  @Test("damaged and hostile files are refused with a reason")
  func refused() {
    let cases: [(reason: String, bytes: [UInt8])] = [
      ("magic string", []),
      ("magic string", Array("PK\u{3}\u{4}".utf8)),
      ("incomplete", [0x93] + Array("NUMPY".utf8) + [1, 0]),
      ("incomplete", [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0, 1, 2]),
      ("version 4.0", file(header("|i1", "(1,)"), [0], version: 4)),
      ("4294967295 bytes", [0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255]),
      ("1 bytes follow", file(header("|i1", "(2,)"), [0])),
      ("3 bytes follow", file(header("|i1", "(2,)"), [0, 0, 0])),
      ("no memory holds", file(header("<f8", "(4294967296, 4294967296)"))),
      ("9223372036854775800", file(header("|i1", "(9223372036854775800,)"))),
      ("too many digits", file(header("|i1", "(99999999999999999999,)"))),
      ("missing or negative", file(header("|i1", "(-1,)"))),
      ("type '|O'", file(header("|O", "(1,)"), [0])),
      ("type '|S1'", file(header("|S1", "(1,)"), [0])),
      ("type '=i4'", file(header("=i4", "(1,)"), [0, 0, 0, 0])),
      ("type '|i4'", file(header("|i4", "(1,)"), [0, 0, 0, 0])),
      (
        "structured",
        file("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0])
      ),
      (
        "stands twice", file("{'descr': '|i1', 'descr': '|i1', 'fortran_order': False, 'shape': (1,), }", [0])
      ),
      ("without 'shape'", file("{'descr': '|i1', 'fortran_order': False, }", [0])),
      ("without 'fortran_order'", file("{'descr': '|i1', 'shape': (1,), }", [0])),
      ("4 fields", file("{'descr': '|i1', 'fortran_order': False, 'shape': (1,), 'x': 'y'}", [0])),
      ("follows the dictionary", file(header("|i1", "(1,)") + "import os", [0])),
      ("does not end", file("{'descr: ", [0])),
      ("no string, boolean or tuple", file("{'descr': __import__('os'), }", [0])),
      ("dimensions", file(header("|i1", "(" + String(repeating: "1,", count: 65) + ")"), [0])),
    ]
    for (reason, bytes) in cases {
      let error = #expect(throws: NumPyError.self) { _ = try NumPyArray(fileBytes: bytes) }
      #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "no error"), not \(reason)")
    }
  }

  @Test("no damage to a header crashes the reader")
  func mutations() {
    let sound = NumPyArray([1, 2, 3, 4, 5, 6] as [Int32], shape: [2, 3]).fileBytes
    for place in 0..<130 {
      for byte in UInt8.min...UInt8.max {
        var bytes = sound
        bytes[place] = byte
        _ = try? NumPyArray(fileBytes: bytes)
        _ = try? NumPyArray(fileBytes: Array(bytes.prefix(place)))
      }
    }
  }

  @Test("errors of files name them")
  func files() {
    let missing = #expect(throws: FileError.self) { _ = try NumPyArray(path: "/nowhere/x.npy") }
    #expect(missing?.description == "/nowhere/x.npy: there is no such file")
    let folder = #expect(throws: FileError.self) { _ = try NumPyArray(path: "/") }
    #expect(folder?.description == "/: is a folder, not a file")
    let endless = #expect(throws: FileError.self) {
      _ = try InputFile.bytes(path: "/dev/zero", limit: 1 << 20)
    }
    #expect(endless?.description == "/dev/zero: is over 1 MiB, the most that is read of such a file")
  }
}
