import DifferentialTesting
import IntegerProgram
import Network
import Testing

@testable import CodeGeneration

/// Names from a model file stand in comments and nowhere else, and cannot get out of them.
@Suite struct CommentTests {
  /// What comments must not hold: their own ends and starts (MISRA C:2012 rules 3.1 and 3.2), trigraphs, line splices
  /// and anything but printable ASCII.
  private func isSafe(_ text: String) -> Bool {
    !["*/", "/*", "//", "??", "\\"].contains { text.contains($0) }
      && text.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }
  }

  @Test func everyShortTextOfDangerousCharactersBecomesSafe() {
    let alphabet: [Character] = ["*", "/", "\\", "?", "a", " ", "\n", "é", "."]
    var texts = [""]
    var tested = 0
    for _ in 0..<5 {
      texts = texts.flatMap { text in alphabet.map { text + String($0) } }
      for text in texts where !isSafe(CText.commentSafe(text)) {
        Issue.record("\(text.debugDescription) becomes \(CText.commentSafe(text))")
      }
      tested += texts.count
    }
    #expect(tested == 66_429)
  }

  @Test(arguments: [
    "plain", "model/conv2d;model/relu", "a * b / c", "what?", "StatefulPartitionedCall:0", "{[(<>)]}", "%s \"quoted\"",
  ]) func harmlessTextStaysAsItIs(_ text: String) { #expect(CText.commentSafe(text) == text) }

  /// However its words are wrapped, a comment is one comment.
  @Test func aCommentEndsAtItsEnd() {
    let words = ["*", "/", "*/", "/*", "//", "a", "?", "??/", "\\", String(repeating: "long", count: 24) + "*"]
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      let count = generator.integer(in: 1...14)
      let paragraphs = (0..<2).map { _ in (0..<count).map { _ in generator.element(of: words) }.joined(separator: " ") }
      var text = CText()
      text.comment(paragraphs[0], paragraphs[1])
      let inner = text.text.dropFirst(2).dropLast(3)
      #expect(text.text.hasPrefix("/*") && text.text.hasSuffix("*/\n"))
      #expect(!inner.contains("*/") && !inner.contains("/*") && !inner.contains("//") && !inner.contains("??"), "\(text.text)")
      #expect(!text.text.contains("\\"))
      // Lines stay within the width, but for words that are longer by themselves.
      for line in text.text.split(separator: "\n") where line.count > 110 {
        Issue.record("a line of \(line.count) characters: \(line)")
      }
    }
  }

  static let hostile = [
    "*/", "/*", "//", "??/", "back\\", "two\nlines", "größe 重み", "*/ int broken; /*", "/\\\n*", "??/\n*/", "#error \"x\"",
    "\r\n#error x\r\n", "nul\0inside", "\u{2028}#error", "", "hostile_copy(", "hostile_fill(x)", "hostile_floor_shift_64(",
    "hostile_power_of_two_64(", "hostile_low_bits_64(", "hostile_low_bits_32(", String(repeating: "\\", count: 3000),
    String(repeating: "*/ ", count: 1000), "@HOSTILE_INPUT_OFFSET",
  ]

  /// A network in which every name is hostile, by turns.
  private func network(seed: UInt64, shift: Int) -> Network {
    var network = RandomNetwork.make(seed: seed)
    network.name = "hostile"
    for index in network.tensors.indices {
      network.tensors[index].name = Self.hostile[(index + shift) % Self.hostile.count]
    }
    return network
  }

  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"), arguments: Tool.compilers)
  func aNetworkWithHostileNamesCompiles(_ compiler: String) throws {
    var flags = GeneratedProject.strict + ["-O0", "-fsyntax-only"]
    if compiler == "clang" { flags += ["-Wcomment", "-Wtrigraphs", "-Winvalid-utf8", "-Wno-documentation"] }
    var tested = 0
    for seed in 1...20 as ClosedRange<UInt64> {
      let network = network(seed: seed, shift: Int(seed) * 5)
      guard let program = try? IntegerProgram(lowering: network) else { continue }
      let project = try GeneratedProject(program)
      try Tool.check(compiler, flags + project.allSources, in: project.folder)
      for file in project.allSources + ["\(project.prefix).h", "\(project.prefix)_weights.h", "CMakeLists.txt"] {
        let text = try project.text(file)
        #expect(text.unicodeScalars.allSatisfy { $0.isASCII && ($0.value >= 0x20 || $0 == "\n") }, "seed \(seed), \(file)")
        #expect(!text.contains("??") && !text.contains("\\\n"))
      }
      tested += 1
    }
    #expect(tested > 15)
  }

  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"))
  func aHostileModelFileNameStaysInItsComment() throws {
    let program = try #require(RandomProgram.first(1, from: 3).first)
    for name in Self.hostile {
      let options = CodeOptions(
        names: CNames(modelName: "net"), commandLine: "lockstep compile \(name)", modelFile: name, modelDigest: name,
        target: name)
      let folder = try TemporaryFolder()
      for file in CodeGenerator(program, plan: MemoryPlan(program), options: options).files(selfTest: nil) {
        try folder.write(file.text, file.name)
      }
      try Tool.check(
        Tool.compilers[0], GeneratedProject.strict + ["-fsyntax-only", "net.c", "net_weights.c"], in: folder)
      // In CMake a comment ends with its line.
      let cmake = try folder.read("CMakeLists.txt")
      #expect(cmake.split(separator: "\n").filter { $0.contains("a network generated") }.allSatisfy { $0.hasPrefix("#") })
      #expect(cmake.split(separator: "\n").count { !$0.hasPrefix("#") } == 5, "\(cmake)")
    }
  }
}
