import Foundation
import Testing

@testable import CodeGeneration

/// A target.json is read whole or refused with the file, the key and the value at fault.
@Suite struct TargetFileTests {
  /// A description that is right, to be made wrong.
  private static let right = """
    {
      "name": "mine", "description": "A board", "wordBits": 32, "alignment": 4, "features": ["dsp"],
      "compilers": ["cc"], "warnings": ["-Wall"], "flags": ["-DA"],
      "configurations": [{ "name": "O2", "flags": ["-O2"] }],
      "device": {
        "flash": { "origin": "0x08000000", "bytes": 65536 }, "ram": { "origin": "0x20000000", "bytes": 8192 },
        "stackBytes": 512, "linkerScript": "link.ld", "sources": ["start.c"], "includes": ["."],
        "linkFlags": ["-nostdlib"], "libraries": [], "transport": "semihosting", "run": ["emulate", "{program}"]
      },
      "packages": { "cc": "gcc" }
    }
    """

  /// A folder with targets by name, beside each other.
  private func folder(_ targets: [String: String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, text) in targets {
      let url = folder.url.appending(path: name)
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      for (file, content) in [("target.json", text), ("link.ld", ""), ("start.c", "")] {
        try Data(content.utf8).write(to: url.appending(path: file))
      }
    }
    return folder
  }

  private func read(_ text: String, others: [String: String] = [:]) throws -> Target {
    let folder = try folder(others.merging(["mine": text]) { $1 })
    return try Target.named(folder.url.appending(path: "mine").path)
  }

  private func message(_ text: String, others: [String: String] = [:]) -> String? {
    do {
      _ = try read(text, others: others)
      return nil
    } catch let error as TargetError {
      return error.description
    } catch {
      return "another error: \(error)"
    }
  }

  @Test func everyTargetOfTheProductIsReadAndCanBeBuilt() throws {
    let folder = Place.package.appending(path: "Targets")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/target.json").path)
    }
    #expect(Set(names).isSuperset(of: [
      "host", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imac", "avr",
      "microbit",
    ]))
    for name in names {
      let target = try Target.named(folder.appending(path: name).path)
      #expect(target.name == name)
      #expect(target.warnings.contains("-Werror") && target.warnings.contains("-Wconversion"), "\(name)")
      guard let device = target.device else { continue }
      #expect(target.wordBits != nil && target.features != nil, "\(name)")
      for program in target.compilers + [device.run[0]] {
        #expect(target.packages?[program] != nil, "\(name): the package of \(program)")
      }
    }
  }

  @Test func pathsAreRelativeToTheFile() throws {
    let folder = try folder(["mine": Self.right])
    let device = try #require(try Target.named(folder.url.appending(path: "mine").path).device)
    let place = folder.url.appending(path: "mine").standardizedFileURL.path
    #expect(device.linkerScript == "\(place)/link.ld" && device.sources == ["\(place)/start.c"])
    // A runner that is a path as well; a name is looked for on the PATH.
    #expect(device.run == ["emulate", "{program}"])
    let own = try read(Self.right.replacing("\"emulate\"", with: "\"./emulate\""))
    #expect(own.device?.run[0].hasSuffix("/mine/emulate") == true)
  }

  @Test func theLinkerHearsOfTheMemories() throws {
    let arguments = try #require(try read(Self.right).device).linkArguments
    for symbol in [
      "flash_origin=0x08000000", "flash_bytes=65536", "ram_origin=0x20000000", "ram_bytes=8192", "stack_bytes=512",
    ] {
      #expect(arguments.contains("-Wl,--defsym=lockstep_\(symbol)"))
    }
    #expect(arguments.contains("-T") && arguments.last == "-nostdlib")
  }

  @Test func aTargetMayBeBasedOnAnother() throws {
    let target = try read(
      #"{ "name": "larger", "basedOn": "base", "device": { "ram": { "bytes": 16384 } } }"#,
      others: ["base": Self.right])
    let device = try #require(target.device)
    #expect(target.name == "larger" && target.flags == ["-DA"] && target.alignment == 4)
    #expect(device.ram.bytes == 16384 && device.ram.origin == "0x20000000" && device.flash.bytes == 65536)
    #expect(device.sources[0].hasSuffix("/base/start.c"))
    // By a path as well.
    let byPath = try read(#"{ "name": "p", "basedOn": "../base" }"#, others: ["base": Self.right])
    #expect(byPath.device?.stackBytes == 512)
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What is replaced in a right description, and by what.
    let old, new: String
    /// What the message says beside the file.
    let words: [String]

    init(_ description: String, _ old: String, _ new: String, _ words: String...) {
      (testDescription, self.old, self.new, self.words) = (description, old, new, words)
    }
  }
  static let faults = [
    Fault("no JSON", "{\n  \"name\"", "\"name\"", "no JSON object"),
    Fault("a missing name", "\"name\": \"mine\", ", "", "\"name\" is missing"),
    Fault("an empty name", "\"name\": \"mine\"", "\"name\": \"\"", "\"name\" is empty"),
    Fault("a misspelt key", "\"wordBits\"", "\"wordbits\"", "\"wordbits\" is unknown", "wordBits"),
    Fault("a misspelt key within", "\"bytes\": 65536", "\"size\": 65536", "\"device.flash.size\" is unknown", "bytes"),
    Fault("a misspelt key in a list", "\"name\": \"O2\"", "\"title\": \"O2\"", "\"configurations.title\" is unknown"),
    Fault("a width that no machine has", "32", "31", "\"wordBits\"", "8, 16, 32 or 64"),
    Fault("text for a number", "\"alignment\": 4", "\"alignment\": \"4\"", "\"alignment\" must be a whole number"),
    Fault("an alignment of 0", "\"alignment\": 4", "\"alignment\": 0", "\"alignment\" is 0"),
    Fault("text for a list", "[\"cc\"]", "\"cc\"", "\"compilers\" must be a list"),
    Fault("no compiler", "[\"cc\"]", "[]", "\"compilers\" must name a compiler"),
    Fault("an unknown feature", "\"dsp\"", "\"simd\"", "\"simd\"", "armv6m, armv7m, dsp, mul32, mve"),
    Fault("no configuration", "[{ \"name\": \"O2\", \"flags\": [\"-O2\"] }]", "[]", "\"configurations\" is empty"),
    Fault("flags of a configuration missing", ", \"flags\": [\"-O2\"]", "", "\"configurations[0].flags\" is missing"),
    Fault("no flash", "\"bytes\": 65536", "\"bytes\": 0", "\"device.flash.bytes\" is 0"),
    Fault("half a byte", "\"bytes\": 65536", "\"bytes\": 0.5", "must be whole"),
    Fault("more RAM than an address reaches", "8192", "4294967297", "\"device.ram.bytes\" is 4294967297"),
    Fault("no address", "\"0x20000000\"", "\"top\"", "\"device.ram.origin\" is \"top\""),
    Fault(
      "a kind of instruction that has no timing", "\"libraries\": []", "\"timing\": { \"source\": \"\", \"cycles\": { \"lod\": 2 } }",
      "\"device.timing.cycles.lod\" is unknown", "load"),
    Fault(
      "a negative timing", "\"libraries\": []", "\"timing\": { \"source\": \"\", \"cycles\": { \"load\": -2 } }",
      "\"device.timing.cycles.load\" is -2"),
    Fault(
      "a plugin that is not there", "\"libraries\": []", "\"profile\": { \"plugin\": \"p.c\" }",
      "\"device.profile.plugin\" names", "p.c, which does not exist"),
    Fault("a stack that fills the RAM", "\"stackBytes\": 512", "\"stackBytes\": 8192", "\"device.stackBytes\" is 8192"),
    Fault("a source that is not there", "\"start.c\"", "\"stop.c\"", "\"device.sources\"", "/mine/stop.c"),
    Fault("a script that is not there", "\"link.ld\"", "\"no.ld\"", "\"device.linkerScript\"", "/mine/no.ld"),
    Fault("an unknown transport", "\"semihosting\"", "\"usb\"", "\"device.transport\"", "usb"),
    Fault("a run that takes no program", "\"{program}\"", "\"program\"", "\"device.run\"", "{program}"),
    Fault("a base that is no name", "\"wordBits\": 32", "\"basedOn\": 1", "\"basedOn\" must be"),
    Fault("a base that is not there", "\"wordBits\": 32", "\"basedOn\": \"none\"", "\"basedOn\"", "no target \"none\""),
  ]
  @Test(arguments: faults) func aFaultIsNamed(_ fault: Fault) throws {
    let text = Self.right.replacing(fault.old, with: fault.new, maxReplacements: 1)
    try #require(text != Self.right)
    let found = message(text)
    let message = try #require(found)
    #expect(message.contains("/mine/target.json"), "\(message)")
    for words in fault.words { #expect(message.contains(words), "\(message)") }
  }

  @Test func targetsBasedOnEachOtherInACircleAreRefused() throws {
    let others = ["other": #"{ "name": "b", "basedOn": "mine" }"#]
    let circle = message(#"{ "name": "a", "basedOn": "other" }"#, others: others)
    let message = try #require(circle)
    #expect(message.contains("in a circle") && message.contains("basedOn"), "\(message)")
  }

  @Test func aTargetThatIsNowhereIsRefused() {
    for name in ["no-such-target", "./no-such-folder", "/no/such/folder"] {
      #expect(throws: TargetError.self) { try Target.named(name) }
    }
  }

  // MARK: Room

  @Test func aNetworkThatDoesNotFitIsToldWithTheFigures() throws {
    var target = try read(Self.right)
    #expect(target.shortfall(tableBytes: 65536, arenaBytes: 8192 - 512) == nil)
    let flash = try #require(target.shortfall(tableBytes: 65537, arenaBytes: 1))
    #expect(flash.contains("mine") && flash.contains("65536 bytes of flash") && flash.contains("65537"), "\(flash)")
    let ram = try #require(target.shortfall(tableBytes: 1, arenaBytes: 8192 - 511))
    #expect(ram.contains("8193 bytes of RAM (7681 for the arena, 512 for the stack)"), "\(ram)")
    target.device?.constantsInRAM = true
    let constants = try #require(target.shortfall(tableBytes: 100, arenaBytes: 8192 - 512))
    #expect(constants.contains("8292 bytes of RAM (7680 for the arena, 100 for constants, 512"), "\(constants)")
    target.device = nil
    #expect(target.shortfall(tableBytes: 1 << 40, arenaBytes: 1 << 40) == nil)
  }
}
