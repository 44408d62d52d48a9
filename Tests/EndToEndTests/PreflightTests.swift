import Crypto
import Foundation
import Testing

/// `lockstep preflight`, on the bundled network and two microcontrollers.
@Suite(
  .enabled(
    if: ["arm-none-eabi-gcc", "qemu-system-arm"].allSatisfy(Place.hasProgram),
    "skipped: Arm's compiler or QEMU is not installed"))
struct PreflightTests {
  private static let digits = Place.digits.deletingLastPathComponent()
  private static func file(_ name: String) -> String { digits.appending(path: name).path }
  private static let samples = ["--images", file("images.npy"), "--labels", file("labels.npy"), "--samples"]
  private static let patch = samples + ["0,3", "--epsilon", "1", "--mask", file("patch.npy")]

  /// A folder of evidence, made once for each way to ask.
  private struct Evidence {
    let folder: TemporaryFolder
    let run: CommandRun
    var path: String { folder.path("evidence") }

    init(_ arguments: [String], target: String = "cortex-m4", model: String = Place.digits.path) throws {
      folder = try TemporaryFolder()
      run = try CommandRun(
        ["preflight", model, "--target", target, "--random", "4", "--output", folder.path("evidence")] + arguments)
    }

    func read(_ name: String) throws -> [UInt8] { try folder.read("evidence/" + name) }
    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }
    var results: [String: Any] {
      get throws {
        try #require(try JSONSerialization.jsonObject(with: Data(read("results.json"))) as? [String: Any])
      }
    }
    func outcomes() throws -> [String: String] {
      let checks = try #require(try results["checks"] as? [[String: Any]])
      return Dictionary(
        uniqueKeysWithValues: checks.map { ($0["name"] as? String ?? "", $0["outcome"] as? String ?? "") })
    }

    /// The names in the manifest.
    var names: [String] {
      get throws {
        try text("manifest.sha256").split(separator: "\n").map { String($0.dropFirst(66)) }
      }
    }

    /// Goes through a copy again in which `change` was done, and the manifest made to fit where `fits`.
    func recheck(
      fits: Bool = false, _ options: [String] = [], change: (URL) throws -> Void = { _ in }
    ) throws -> CommandRun {
      let copies = try TemporaryFolder()
      let copy = copies.url.appending(path: "evidence")
      try FileManager.default.copyItem(atPath: path, toPath: copy.path)
      try change(copy)
      if fits {
        let all = FileManager.default.enumerator(atPath: copy.path)?.allObjects as? [String] ?? []
        let lines = all.sorted().compactMap { name -> String? in
          guard name != "manifest.sha256",
            let data = FileManager.default.contents(atPath: copy.appending(path: name).path)
          else { return nil }
          return SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined() + "  \(name)\n"
        }
        try Data(lines.joined().utf8).write(to: copy.appending(path: "manifest.sha256"))
      }
      return try CommandRun(["preflight", "--recheck", copy.path] + options)
    }
  }

  private static let cleared = Result { try Evidence(patch) }
  private static let refused = Result { try Evidence(samples + ["1,2", "--epsilon", "24"], target: "cortex-m0plus") }

  @Test func aNetworkThatHoldsIsCleared() throws {
    let evidence = try Self.cleared.get()
    #expect(evidence.run.status == 0, "\(evidence.run.output)\(evidence.run.error)")
    #expect(evidence.run.output.contains("digits on cortex-m4: CLEARED"))
    #expect(
      try evidence.outcomes() == [
        "memory": "held", "differential test": "held", "stack": "held", "properties": "held", "certificates": "held",
        "counterexamples": "none",
      ])
    #expect(try evidence.results["verdict"] as? String == "cleared")
    let names = try evidence.names
    for name in ["digits.elf", "c/digits.c", "proofs/s0-e1.cert", "proofs/s3-e1.cert", "model/digits.tflite", "arena.svg"] {
      #expect(names.contains(name), "\(name)")
    }
    let program = try #require(try evidence.results["program"] as? String)
    #expect(Data(try evidence.read("digits.elf")).range(of: Data(program.utf8)) != nil)
    #expect(try evidence.text("c/digits.c").contains(program))
    #expect(!(try evidence.text("junit.xml")).contains("<failure"))
    let page = try evidence.text("summary.html")
    #expect(page.contains("CLEARED") && page.contains("<svg") && page.contains("DEPTHWISE_CONV_2D"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: evidence.folder.url.path) == ["evidence"])
  }

  @Test func theC_isWhatCompileGives() throws {
    let evidence = try Self.cleared.get()
    let folder = try TemporaryFolder()
    let run = try CommandRun(
      "compile", Place.digits.path, "--target", "cortex-m4", "--output", folder.path("c"))
    #expect(run.status == 0, "\(run.error)")
    for name in try folder.names.isEmpty ? [] : FileManager.default.contentsOfDirectory(atPath: folder.path("c")) {
      #expect(try folder.read("c/" + name) == evidence.read("c/" + name), "\(name)")
    }
  }

  @Test func evidenceHoldsAgain() throws {
    for evidence in [try Self.cleared.get(), try Self.refused.get()] {
      let digest = SHA256.hash(data: Data(try evidence.read("manifest.sha256"))).map { String(format: "%02x", $0) }
        .joined()
      #expect(evidence.run.output.contains("evidence \(digest)"))
      for options in [[], ["--without-device"], ["--digest", digest]] {
        let run = try evidence.recheck(options)
        // What the device has not done again is not cleared.
        let isOpen = options == ["--without-device"] && evidence.run.status == 0
        #expect(run.status == (isOpen ? 3 : evidence.run.status), "\(run.output)\(run.error)")
        #expect(run.output.contains("asked:     ./model/digits.tflite --target "))
      }
      let other = try evidence.recheck(["--digest", String(digest.reversed()), "--without-device"])
      #expect(other.status == 1 && other.output.contains("not \(String(digest.reversed()))"))
    }
  }

  @Test func aNetworkWithACounterexampleIsRefused() throws {
    let evidence = try Self.refused.get()
    #expect(evidence.run.status == 1, "\(evidence.run.output)\(evidence.run.error)")
    #expect(evidence.run.output.contains("digits on cortex-m0plus: REFUSED"))
    let outcomes = try evidence.outcomes()
    #expect(outcomes["properties"] == "failed" && outcomes["counterexamples"] == "held")
    #expect(try evidence.names.contains("counterexamples/s1-e24.npy"))
    #expect(try evidence.text("junit.xml").contains("<failure type=\"violated\""))
    #expect(try evidence.text("summary.html").contains("data:image/png;base64"))
  }

  @Test func everyChangedFileIsNoticed() throws {
    for evidence in [try Self.cleared.get(), try Self.refused.get()] {
      for name in try evidence.names + ["manifest.sha256"] {
        let run = try evidence.recheck(["--without-device"]) { copy in
          let file = copy.appending(path: name)
          var bytes = [UInt8](try Data(contentsOf: file))
          bytes[bytes.count / 2] ^= 1
          try Data(bytes).write(to: file)
        }
        #expect([1, 65].contains(run.status), "\(name): \(run.output)")
        #expect(name == "manifest.sha256" || (run.output + run.error).contains(name), "\(name): \(run.output)\(run.error)")
      }
    }
    let evidence = try Self.cleared.get()
    let missing = try evidence.recheck { try FileManager.default.removeItem(at: $0.appending(path: "digits.elf")) }
    #expect(missing.status == 1 && missing.output.contains("digits.elf: is missing"))
    let more = try evidence.recheck { try Data([1]).write(to: $0.appending(path: "proofs/more.cert")) }
    #expect(more.status == 1 && more.output.contains("proofs/more.cert: is not in the manifest"))
    let link = try evidence.recheck { copy in
      try FileManager.default.createSymbolicLink(
        at: copy.appending(path: "link"), withDestinationURL: URL(filePath: "/etc/hostname"))
    }
    #expect(link.status == 65 && link.error.contains("no plain file"))
  }

  /// A change for which the manifest is made to fit as well.
  struct Forgery: Sendable, CustomTestStringConvertible {
    let name, file, old, new: String
    /// What of the recheck notices it.
    let notices: String
    var isOfRefused = false
    var testDescription: String { name }

    init(_ name: String, _ file: String, _ old: String, _ new: String, _ notices: String, refused: Bool = false) {
      (self.name, self.file, self.old, self.new, self.notices, isOfRefused) = (name, file, old, new, notices, refused)
    }
  }
  static let forgeries = [
    Forgery("other code", "c/digits.c", "digits_step_4", "digits_step_5", "c/digits.c"),
    Forgery("a violation called proved", "report.jsonl", "\"violated\"", "\"proved\"", "certificates", refused: true),
    Forgery("a check called held", "results.json", "\"failed\"", "\"held\"", "results", refused: true),
    Forgery("other figures", "results.json", "\"measuredStackBytes\" : ", "\"measuredStackBytes\" : 1", "memory: is another"),
    Forgery("another image's digest", "results.json", "digits.elf\",\n    \"sha256\" : \"", "digits.elf\",\n    \"sha256\" : \"0", "image"),
    Forgery("another property", "results.json", "\"1\",\n    \"--mask\"", "\"2\",\n    \"--mask\"", "certificates"),
    Forgery("a summary that says otherwise", "summary.txt", "REFUSED", "CLEARED", "summary.txt", refused: true),
    Forgery("a page that says otherwise", "summary.html", "REFUSED", "CLEARED", "summary.html", refused: true),
    Forgery("a result for the CI that says otherwise", "junit.xml", "<failure", "<passed", "junit.xml", refused: true),
    Forgery("another network", "results.json", "\"network\" : \"digits\"", "\"network\" : \"kws\"", "network: is another"),
    Forgery("another device", "results.json", "\"flashBytes\" : 1048576", "\"flashBytes\" : 1048577", "device: is another"),
    Forgery("another picture", "arena.svg", "<title>", "<title>x", "arena.svg"),
    Forgery("a stage that is none", "report.jsonl", "\"stage\":\"attack\"", "\"stage\":\"attack, 1 s)\\ns9-e1: proved (attack\"", "certificates", refused: true),
    Forgery("a blank line", "report.jsonl", "\n", "\n\n", "report.jsonl"),
    Forgery(
      "a proof on someone's word", "report.jsonl", "\"verdict\":\"violated\"", "\"verdict\":\"proved\",\"trusted\":\"z3\"",
      "certificates", refused: true),
    Forgery("other instructions", "profile.json", "\"instructions\": ", "\"instructions\": 1", "profile.json"),
  ]

  @Test("a forgery is noticed that fits the manifest", arguments: forgeries) func aForgeryIsNoticed(_ forgery: Forgery) throws {
    let evidence = try (forgery.isOfRefused ? Self.refused : Self.cleared).get()
    let run = try evidence.recheck(fits: true) { copy in
      let file = copy.appending(path: forgery.file)
      let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
      let forged = text.replacing(forgery.old, with: forgery.new)
      try #require(forged != text)
      try Data(forged.utf8).write(to: file)
    }
    #expect(run.status == 1, "\(run.output)\(run.error)")
    let failed = run.output.split(separator: "FAILED").dropFirst().joined()
    #expect(failed.contains(forgery.notices), "\(run.output)")
  }

  @Test func anImageOfOtherCodeIsNoticed() throws {
    let evidence = try Self.cleared.get()
    let change = { (copy: URL) in
      let file = copy.appending(path: "digits.elf")
      var bytes = [UInt8](try Data(contentsOf: file))
      bytes[bytes.count / 3] ^= 1
      try Data(bytes).write(to: file)
    }
    for options in [[], ["--without-device"]] {
      let run = try evidence.recheck(fits: true, options, change: change)
      #expect(run.status == 1 && run.output.contains("digits.elf"), "\(run.output)")
    }
  }

  @Test func evidenceRunsNothingOfItsOwn() throws {
    let evidence = try Self.cleared.get()
    func changed(_ old: String, _ new: String) throws -> CommandRun {
      try evidence.recheck(fits: true) { copy in
        let file = copy.appending(path: "results.json")
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        try Data(text.replacing(old, with: new).utf8).write(to: file)
      }
    }
    let target = try changed("\"cortex-m4\",\n", "\"./c\",\n")
    #expect(target.status == 64 && target.error.contains("name that folder by --target"), "\(target.output)\(target.error)")
    let path = try changed("\"inputs/images.npy\"", "\"\(Self.file("images.npy"))\"")
    #expect(path.status == 65 && path.error.contains("not such as preflight records"), "\(path.output)\(path.error)")
    for (old, new) in [("--random", "--recheck"), ("--random", "--help"), ("--seed", "-h")] {
      let option = try changed("\"\(old)\"", "\"\(new)\"")
      #expect(option.status == 65 && option.error.contains("not such as preflight records"), "\(option.output)")
    }
  }

  @Test func filesThatHaveNoPlaceAreNoticed() throws {
    let (cleared, refused) = (try Self.cleared.get(), try Self.refused.get())
    let changes: [(evidence: Evidence, name: String, change: (URL) throws -> Void)] = [
      (cleared, "signed.elf", { try Data([1]).write(to: $0.appending(path: "signed.elf")) }),
      (cleared, "proofs/zz.cert", { try Data([1]).write(to: $0.appending(path: "proofs/zz.cert")) }),
      (refused, "counterexamples/s1-e24.npy", { try FileManager.default.removeItem(at: $0.appending(path: "counterexamples/s1-e24.npy")) }),
      (refused, "counterexamples/s1-e24.npy", { try Data([1]).write(to: $0.appending(path: "counterexamples/s1-e24.npy")) }),
    ]
    for (evidence, name, change) in changes {
      for options in [[], ["--without-device"]] {
        let run = try evidence.recheck(fits: true, options, change: change)
        let failed = run.output.split(separator: "contents").dropFirst().joined()
        #expect(run.status == 1 && failed.contains(name), "\(name): \(run.output)\(run.error)")
      }
    }
    let empty = try cleared.recheck(fits: true) { copy in
      try FileManager.default.createDirectory(at: copy.appending(path: "more"), withIntermediateDirectories: true)
    }
    #expect(empty.status == 1 && empty.output.contains("more: is a folder without a file"))
  }

  @Test func theImageIsOneOfTheFolder() throws {
    let evidence = try Self.cleared.get()
    let outside = try TemporaryFolder()
    try outside.write(try evidence.read("digits.elf"), "outside")
    let run = try evidence.recheck(fits: true, ["--without-device"]) { copy in
      try FileManager.default.removeItem(at: copy.appending(path: "digits.elf"))
      for name in ["results.json", "summary.txt", "summary.html"] {
        let file = copy.appending(path: name)
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        try Data(text.replacing("digits.elf", with: outside.path("outside")).utf8).write(to: file)
      }
    }
    #expect(run.status == 1 && run.output.contains("is not the image"), "\(run.output)\(run.error)")
  }

  @Test func answersToNothingHaveNoPlace() throws {
    let evidence = try Evidence([])
    #expect(evidence.run.status == 0, "\(evidence.run.output)\(evidence.run.error)")
    let run = try evidence.recheck(fits: true) { copy in
      try Data(try Self.cleared.get().read("report.jsonl")).write(to: copy.appending(path: "report.jsonl"))
    }
    #expect(run.status == 1 && run.output.contains("report.jsonl: is no part of evidence"), "\(run.output)\(run.error)")
  }

  @Test func namesThatLookTheSameAreTwoFiles() throws {
    let folder = try TemporaryFolder()
    let constants = (0..<784).map { "(declare-const X_\($0) Real)\n" }.joined() + (0..<10).map { "(declare-const Y_\($0) Real)\n" }.joined()
    // The one holds of no input that there is; the other is violated by most.
    try folder.write(Array((constants + "(assert (>= Y_0 127))\n(assert (>= Y_1 127))\n(assert (<= X_0 -128))\n").utf8), "\u{E9}.vnnlib")
    try folder.write(Array((constants + "(assert (<= Y_0 100))\n").utf8), "e\u{301}.vnnlib")
    let run = try CommandRun(
      "preflight", Place.digits.path, "--target", "cortex-m4", "--random", "2", "--timeout", "2", "--property",
      folder.path("\u{E9}.vnnlib"), "--property", folder.path("e\u{301}.vnnlib"), "--output", folder.path("e"))
    #expect(run.status == 1 && run.output.contains("1 violated"), "\(run.output)\(run.error)")
  }

  @Test func figuresOutOfRangeAreRefused() throws {
    for (old, new) in [("\"codeBytes\" : ", "\"codeBytes\" : 922337203685477"), ("\"isText\" : [", "\"isText\" : [ true,")] {
      let run = try Self.cleared.get().recheck(fits: true, ["--without-device"]) { copy in
        let file = copy.appending(path: "results.json")
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        try Data(text.replacing(old, with: new).utf8).write(to: file)
      }
      #expect(run.status == 65 && run.error.contains("is no result of preflight"), "\(run.output)\(run.error)")
    }
  }

  @Test("a compiler of another version leaves it open") func anotherCompilerIsSaid() throws {
    let evidence = try Self.cleared.get()
    let version = try #require((try evidence.results["compiler"] as? [String: Any])?["version"] as? String)
    let run = try evidence.recheck(fits: true) { copy in
      for name in ["results.json", "summary.txt", "summary.html"] {
        let file = copy.appending(path: name)
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        try Data(text.replacing(version, with: "gcc 1.2.3").utf8).write(to: file)
      }
    }
    #expect(run.status == 3 && run.output.contains("not made again"), "\(run.output)\(run.error)")
  }

  @Test func aPropertyOfNothingIsRefused() throws {
    let folder = try TemporaryFolder()
    let inputs = (0..<784).map { "(declare-const X_\($0) Real)\n" }.joined()
    let outputs = (0..<10).map { "(declare-const Y_\($0) Real)\n" }.joined()
    try folder.write(Array((inputs + outputs + "(assert (>= X_0 0.2))\n(assert (<= X_0 0.8))\n(assert (>= Y_0 3))\n").utf8), "p.vnnlib")
    let run = try CommandRun(
      "preflight", Place.digits.path, "--target", "cortex-m4", "--property", folder.path("p.vnnlib"), "--output",
      folder.path("e"))
    #expect(run.status == 3 && run.output.contains("vacuous"), "\(run.output)\(run.error)")
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let tiny = try TemporaryFolder()
    try tiny.write(
      Array(#"{ "name": "tiny", "basedOn": "cortex-m4", "device": { "flash": { "bytes": 8192 } } }"#.utf8), "target.json")
    let evidence = try Evidence(Self.patch, target: tiny.url.path)
    #expect(evidence.run.status == 1, "\(evidence.run.error)")
    #expect(try evidence.outcomes()["memory"] == "failed" && evidence.outcomes()["properties"] == "not run")
    #expect(evidence.run.output.contains("does not fit the target tiny"))
    #expect(try !evidence.names.contains("digits.elf"))
    for options in [["--target", tiny.url.path], ["--target", tiny.url.path, "--without-device"]] {
      let again = try evidence.recheck(options)
      #expect(again.status == 1 && again.output.contains("digits on tiny: REFUSED"), "\(again.output)\(again.error)")
    }
  }

  @Test func aStackThatIsTooSmallIsRefused() throws {
    let small = try TemporaryFolder()
    try small.write(
      Array(#"{ "name": "small", "basedOn": "cortex-m4", "device": { "stackBytes": 160 } }"#.utf8), "target.json")
    let evidence = try Evidence([], target: small.url.path)
    #expect(evidence.run.status == 1, "\(evidence.run.output)")
    #expect(try evidence.outcomes()["stack"] == "failed")
  }

  @Test func whatIsOpenIsNotCleared() throws {
    let evidence = try Evidence(Self.samples + ["3", "--epsilon", "2", "--timeout", "0.01"])
    #expect(evidence.run.status == 3, "\(evidence.run.output)\(evidence.run.error)")
    #expect(try evidence.outcomes()["properties"] == "open" && evidence.results["verdict"] as? String == "open")
    let labels = try TemporaryFolder()
    try labels.write(try Data(contentsOf: Self.digits.appending(path: "labels.npy")).dropLast(32) + [UInt8](repeating: 3, count: 32), "y.npy")
    let wrong = try Evidence([
      "--images", Self.file("images.npy"), "--labels", labels.path("y.npy"), "--samples", "0", "--epsilon", "0",
    ])
    #expect(wrong.run.status == 1 && wrong.run.output.contains("1 misclassified"), "\(wrong.run.output)\(wrong.run.error)")
  }

  @Test func badUseLeavesNothing() throws {
    let folder = try TemporaryFolder()
    let output = ["--output", folder.path("e")]
    let cases: [(arguments: [String], status: Int32, words: String)] = [
      ([Place.digits.path, "--target", "host"] + output, 64, "no microcontroller"),
      ([Place.digits.path, "--target", "none"] + output, 65, "no target"),
      ([Place.digits.path, "--target", "cortex-m4"], 64, "--output"),
      (["--recheck", folder.path("absent"), "--images", Self.file("images.npy"), "--epsilon", "1"], 64, "what was asked then"),
      ([folder.path("absent.tflite"), "--target", "cortex-m4"] + output, 65, "absent.tflite"),
      ([Place.digits.path, "--target", "cortex-m4", "--property", folder.path("p.vnnlib")] + output, 65, "p.vnnlib"),
      ([Place.digits.path, "--target", "cortex-m4", "--input", Self.file("labels.npy")] + output, 65, "labels.npy"),
      ([Place.digits.path, "--target", "cortex-m4", "--output", folder.url.path], 65, "exists"),
      ([Place.digits.path, "--target", "cortex-m4", "--output", "/dev/null/e"], 65, "/dev/null"),
      (["--recheck", folder.path("absent")], 65, "absent"),
      (["--recheck", folder.url.path], 65, "manifest"),
      (["--recheck", folder.url.path] + output, 64, "--output"),
    ]
    for (arguments, status, words) in cases {
      let run = try CommandRun(["preflight"] + arguments)
      #expect(run.status == status && run.error.contains(words), "\(arguments): \(run.status) \(run.error)")
    }
    #expect(try folder.names.isEmpty)
  }
}
