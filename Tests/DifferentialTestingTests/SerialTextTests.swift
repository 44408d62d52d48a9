import Testing

@testable import DifferentialTesting

/// What a device says over a serial port is read through an emulator's decoration, and nothing else is taken for it.
@Suite struct SerialTextTests {
  @Test func linesOfHexadecimalAreBytesAndTheLastLineIsTheStatus() {
    let heard = SerialText(":0102ff\n:A5\nend 00\n")
    #expect(heard.bytes == [1, 2, 255, 0xA5] && heard.status == 0)
    #expect(SerialText("end 06\r\n").status == 6)
    #expect(SerialText(":0102\r\n:03\r\n").bytes == [1, 2, 3])
  }

  @Test func coloursAndAnEmulatorsOwnLinesAreLeftOut() {
    let heard = SerialText(
      "Loaded 794 .text at address 0x0\nLoaded 8 .data\n\u{1B}[32m:0102ff.\n\u{1B}[0m\u{1B}[32mend 0a.\n\u{1B}[0m")
    #expect(heard.bytes == [1, 2, 255] && heard.status == 10)
  }

  @Test func whatIsCutShortHasNoStatus() {
    #expect(SerialText("").status == nil && SerialText("").bytes.isEmpty)
    let heard = SerialText(":010203\n:04")
    #expect(heard.bytes == [1, 2, 3, 4] && heard.status == nil)
    // Half a byte is none; neither is half a status, nor a word that starts like it.
    #expect(SerialText(":010").bytes == [1])
    #expect(SerialText("end ").status == nil && SerialText("ending 00").status == nil)
  }

  @Test func whatIsNoHexadecimalEndsALine() {
    #expect(SerialText(":01zz02\n:03\n").bytes == [1, 3])
    #expect(SerialText("01 02\n :03\n").bytes.isEmpty)
  }
}
