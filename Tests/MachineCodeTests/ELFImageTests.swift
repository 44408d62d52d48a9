import DifferentialTesting
import Foundation
import MachineCode
import Testing

struct ELFImageTests {
  /// A file of one segment and, with two symbols, a symbol table.
  private static func file(
    address: UInt32 = 0x1000, bytes: [UInt8] = [0x70, 0x47, 0, 0], memory: UInt32? = nil, second: UInt32? = nil
  ) -> [UInt8] {
    func word(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(number >> (8 * $0) & 0xFF) } }
    func half(_ number: UInt16) -> [UInt8] { [UInt8(number & 0xFF), UInt8(number >> 8)] }
    let segments = second == nil ? 1 : 2
    let content = UInt32(52 + 32 * segments)
    let names: [UInt8] = [0] + Array("run".utf8) + [0]
    let symbols = content + UInt32(bytes.count)
    let strings = symbols + 32
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += half(2) + half(40) + word(1) + word(address | 1) + word(52) + word(strings + UInt32(names.count)) + word(0)
    file += half(52) + half(32) + half(UInt16(segments)) + half(40) + half(3) + half(0)
    for start in [address] + (second.map { [$0] } ?? []) {
      file += word(1) + word(content) + word(start) + word(start) + word(UInt32(bytes.count))
      file += word(memory ?? UInt32(bytes.count)) + word(5) + word(4)
    }
    file += bytes + [UInt8](repeating: 0, count: 16)
    file += word(1) + word(address | 1) + word(UInt32(bytes.count)) + [0x12, 0] + half(1) + names
    file += [UInt8](repeating: 0, count: 40)
    file += word(0) + word(2) + word(0) + word(0) + word(symbols) + word(32) + word(2) + word(0) + word(4) + word(16)
    file += word(0) + word(3) + word(0) + word(0) + word(strings) + word(UInt32(names.count)) + word(0) + word(0) + word(1) + word(0)
    return file
  }

  @Test func segmentsAndFunctionsAreRead() throws {
    let image = try ELFImage(Self.file())
    #expect(image.architecture == .arm && image.entry == 0x1001)
    #expect(image.segments.count == 1 && image.segments[0].bytes == [0x70, 0x47, 0, 0])
    #expect(image.segments[0].isExecutable && !image.segments[0].isWritable)
    let function = try #require(image.function("run"))
    #expect(function.address == 0x1000 && function.size == 4)
    #expect(image.function(at: 0x1003) == function && image.function(at: 0x1004) == nil)
  }

  @Test func headersThatLieAreRefused() throws {
    // More bytes than memory, memory past the last address, more than is ever asked for, two segments in one place.
    #expect(throws: ELFImage.Failure.self) { try ELFImage(Self.file(memory: 2)) }
    #expect(throws: ELFImage.Failure.self) { try ELFImage(Self.file(address: 0xFFFF_FFFE)) }
    #expect(throws: ELFImage.Failure.self) { try ELFImage(Self.file(memory: 0x7FFF_FFFF)) }
    #expect(throws: ELFImage.Failure.self) { try ELFImage(Self.file(second: 0x1002)) }
    _ = try ELFImage(Self.file(second: 0x1004))
  }

  @Test("a file that is cut off, or of which a byte is changed, is read or refused")
  func damagedFilesAreReadOrRefused() {
    let file = Self.file()
    for length in 0..<file.count { _ = try? ELFImage(Array(file.prefix(length))) }
    for place in file.indices {
      for byte in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
        var changed = file
        changed[place] = byte
        _ = try? ELFImage(changed)
      }
    }
    #expect(throws: ELFImage.Failure.self) { try ELFImage(Array(file.prefix(60))) }
  }
}
