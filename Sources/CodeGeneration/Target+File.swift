import Foundation

// Targets are found and read here. What a folder's target.json says is checked before anything is made of it, since a
// wrong key would otherwise show as a compiler's or an emulator's error.

extension Target {
  /// The target called `name`, or the one whose folder `name` is (a path with a slash). Named targets are looked for
  /// in `$LOCKSTEP_TARGETS`, in a `Targets` folder beside or above the executable, in `../share/lockstep/Targets` from there,
  /// and in `./Targets`, there only if `searchesHere`; last among those that the executable holds.
  public static func named(
    _ name: String, executable: String? = Bundle.main.executablePath, searchesHere: Bool = true
  ) throws -> Target {
    let folder = try folder(named: name, from: nil, executable: executable, searchesHere: searchesHere)
    return try TargetDescription(folder: folder, executable: executable).target()
  }

  /// The folder of a target that the user, or (with `from`) another target's file, calls `name`.
  fileprivate static func folder(
    named name: String, from base: String?, executable: String?, searchesHere: Bool = true
  ) throws -> String {
    var folders: [String] = []
    if name.contains("/") {
      folders = [name.hasPrefix("/") ? name : base.map { $0 + "/" + name } ?? name]
    } else {
      if let base { folders.append(base + "/../" + name) }
      if let place = ProcessInfo.processInfo.environment["LOCKSTEP_TARGETS"] { folders.append(place + "/" + name) }
      var folder = URL(fileURLWithPath: executable ?? ".").resolvingSymlinksInPath().deletingLastPathComponent()
      let share = folder.deletingLastPathComponent().appendingPathComponent("share/lockstep/Targets/\(name)").path
      for _ in 0..<6 {
        folders.append(folder.appendingPathComponent("Targets/\(name)").path)
        folder = folder.deletingLastPathComponent()
      }
      folders.append(share)
      if searchesHere { folders.append("Targets/\(name)") }
    }
    if let folder = folders.first(where: { FileManager.default.isReadableFile(atPath: $0 + "/target.json") }) {
      return folder
    }
    guard !name.contains("/") else {
      throw TargetError(description: "\(folders[0])/target.json cannot be read")
    }
    if let folder = try BundledTargets.folder(named: name) { return folder }
    let known = Set(folders.flatMap { names(inFolder: String($0.dropLast(name.count + 1))) } + BundledTargets.names)
    throw TargetError(
      description: "there is no target \"\(name)\"; there are \(known.sorted().joined(separator: ", ")). A path with a slash "
        + "names a folder of your own with a target.json, and LOCKSTEP_TARGETS a folder of such folders")
  }

  /// The names of the targets in a folder of targets.
  private static func names(inFolder folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
      FileManager.default.isReadableFile(atPath: "\(folder)/\($0)/target.json")
    }
  }
}

/// A target.json, with what it takes from the target it is based on.
private struct TargetDescription {
  let file: String
  private let object: [String: Any]

  /// Far above any target's description.
  private static let largest = 1 << 20
  private static let deepestBase = 8

  init(folder: String, executable: String?, depth: Int = 0) throws {
    let file = folder + "/target.json"
    self.file = file
    guard depth <= Self.deepestBase else {
      throw TargetError(
        description: "\(file): targets are based on each other over \(Self.deepestBase) deep, or in a circle; "
          + "mend the key \"basedOn\"")
    }
    guard let data = FileManager.default.contents(atPath: file), data.count <= Self.largest else {
      throw TargetError(description: "\(file): cannot be read, or is over \(Self.largest) bytes")
    }
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw TargetError(description: "\(file): is no JSON object; compare it with Targets/cortex-m4/target.json")
    }
    try Self.checkKeys(object, file)
    var own = Self.withWholePaths(object, folder: folder)
    if let base = own.removeValue(forKey: "basedOn") {
      guard let name = base as? String else {
        throw TargetError(description: "\(file): the key \"basedOn\" must be the name of a target or a folder's path")
      }
      do {
        let baseFolder = try Target.folder(named: name, from: folder, executable: executable)
        own = Self.merged(
          try TargetDescription(folder: baseFolder, executable: executable, depth: depth + 1).object, own)
      } catch let error as TargetError {
        // In a circle every file would add its name.
        throw depth > 0 ? error : TargetError(description: "\(file): the key \"basedOn\": \(error)")
      }
    }
    self.object = own
  }

  // MARK: Keys

  /// The keys at each place; nil where any is allowed.
  private static let keys: [String: Set<String>] = [
    "": [
      "name", "basedOn", "description", "wordBits", "alignment", "features", "compilers", "warnings", "flags",
      "configurations", "device", "packages",
    ],
    "configurations.": ["name", "flags", "generatedCodeFlags", "architectures", "optional"],
    "device.": [
      "flash", "ram", "constantsInRAM", "stackBytes", "linkerScript", "sources", "includes", "linkFlags", "libraries",
      "transport", "run", "profile", "timing",
    ],
    "device.profile.": ["plugin", "sources"],
    "device.timing.": ["source", "cycles"],
    "device.timing.cycles.": Set(Target.Timing.Kind.allCases.map(\.rawValue)),
    "device.flash.": ["origin", "bytes"],
    "device.ram.": ["origin", "bytes"],
  ]

  /// A misspelt key would be a key left out.
  private static func checkKeys(_ object: [String: Any], _ file: String, place: String = "") throws {
    guard let known = keys[place] else { return }
    for (key, value) in object.sorted(by: { $0.key < $1.key }) {
      guard known.contains(key) else {
        throw TargetError(
          description: "\(file): the key \"\(place)\(key)\" is unknown; known here: "
            + known.sorted().joined(separator: ", "))
      }
      for inner in value as? [Any] ?? [value] {
        if let inner = inner as? [String: Any] { try checkKeys(inner, file, place: "\(place)\(key).") }
      }
    }
  }

  /// Paths are relative to the file that holds them, which a target based on it no longer knows.
  private static func withWholePaths(_ object: [String: Any], folder: String) -> [String: Any] {
    guard var device = object["device"] as? [String: Any] else { return object }
    func whole(_ path: String) -> String {
      URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder, isDirectory: true)).standardizedFileURL.path
    }
    for key in ["sources", "includes"] {
      if let paths = device[key] as? [String] { device[key] = paths.map(whole) }
    }
    if let script = device["linkerScript"] as? String { device["linkerScript"] = whole(script) }
    if var profile = device["profile"] as? [String: Any] {
      if let plugin = profile["plugin"] as? String { profile["plugin"] = whole(plugin) }
      if let paths = profile["sources"] as? [String] { profile["sources"] = paths.map(whole) }
      device["profile"] = profile
    }
    // A runner of the target's own is a path; others are found on the PATH.
    if var run = device["run"] as? [String], let program = run.first, program.contains("/") {
      run[0] = whole(program)
      device["run"] = run
    }
    var object = object
    object["device"] = device
    return object
  }

  private static func merged(_ base: [String: Any], _ own: [String: Any]) -> [String: Any] {
    base.merging(own) { old, new in
      guard let old = old as? [String: Any], let new = new as? [String: Any] else { return new }
      return merged(old, new)
    }
  }

  // MARK: Values

  func target() throws -> Target {
    let target: Target
    do {
      target = try JSONDecoder().decode(Target.self, from: JSONSerialization.data(withJSONObject: object))
    } catch let error as DecodingError {
      throw TargetError(description: "\(file): \(Self.text(error))")
    }
    func expect(_ holds: Bool, _ reason: @autoclosure () -> String) throws {
      if !holds { throw TargetError(description: "\(file): \(reason())") }
    }
    try expect(!target.name.isEmpty, "the key \"name\" is empty")
    try expect(
      (1...1024).contains(target.alignment) && target.alignment & (target.alignment - 1) == 0,
      "the key \"alignment\" is \(target.alignment), no power of two in 1 … 1024")
    try expect(
      target.name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.+".contains($0)) },
      "the key \"name\" is \"\(target.name.prefix(40))\"; a name has letters, digits and - _ . + alone")
    let names = target.configurations.map(\.name)
    try expect(Set(names).count == names.count, "the key \"configurations\" has two of one name")
    try expect(
      [8, 16, 32, 64].contains(target.wordBits ?? 32), "the key \"wordBits\" must be 8, 16, 32 or 64")
    try expect(
      !target.compilers.isEmpty && !target.compilers.contains(""), "the key \"compilers\" must name a compiler")
    try expect(!target.configurations.isEmpty, "the key \"configurations\" is empty: there is no way to build")
    let features: Set = ["armv6m", "armv7m", "dsp", "mul32", "mve"]
    for feature in target.features ?? [] {
      try expect(
        features.contains(feature),
        "the key \"features\" holds \"\(feature)\"; known: \(features.sorted().joined(separator: ", "))")
    }
    guard let device = target.device else { return target }
    for (key, memory) in [("flash", device.flash), ("ram", device.ram)] {
      try expect(
        (1...1 << 32).contains(memory.bytes), "the key \"device.\(key).bytes\" is \(memory.bytes), outside 1 … 2^32")
      let digits = memory.origin.hasPrefix("0x") ? memory.origin.dropFirst(2) : memory.origin[...]
      try expect(
        UInt32(digits, radix: memory.origin.hasPrefix("0x") ? 16 : 10) != nil,
        "the key \"device.\(key).origin\" is \"\(memory.origin)\", no address such as \"0x20000000\"")
    }
    try expect(
      (0..<device.ram.bytes).contains(device.stackBytes),
      "the key \"device.stackBytes\" is \(device.stackBytes), outside 0 … the RAM's \(device.ram.bytes)")
    let paths =
      device.sources.map { ("sources", $0) } + (device.includes ?? []).map { ("includes", $0) }
      + (device.linkerScript.map { [("linkerScript", $0)] } ?? [])
      + (device.profile?.plugin.map { [("profile.plugin", $0)] } ?? [])
      + (device.profile?.sources ?? []).map { ("profile.sources", $0) }
    for (key, path) in paths {
      try expect(
        FileManager.default.fileExists(atPath: path),
        "the key \"device.\(key)\" names \(path), which does not exist; paths are relative to the target's folder")
    }
    for (kind, cycles) in (device.timing?.cycles ?? [:]).sorted(by: { $0.key < $1.key }) {
      try expect(
        (0...1000).contains(cycles), "the key \"device.timing.cycles.\(kind)\" is \(cycles), outside 0 … 1000")
    }
    try expect(
      device.run.count > 1 && device.run.dropFirst().contains { $0.contains("{program}") },
      "the key \"device.run\" must be a command with {program} among its arguments")
    return target
  }

  /// What is wrong with a value, by its key.
  private static func text(_ error: DecodingError) -> String {
    func key(_ path: [any CodingKey]) -> String {
      let text = path.reduce(into: "") { text, key in
        text += key.intValue.map { "[\($0)]" } ?? (text.isEmpty ? "" : ".") + key.stringValue
      }
      return "the key \"\(text)\""
    }
    switch error {
    case .keyNotFound(let missing, let context):
      return "\(key(context.codingPath + [missing])) is missing"
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      let words =
        switch type {
        case is Int.Type: "a whole number"
        case is Double.Type: "a number"
        case is String.Type: "text"
        case is Bool.Type: "true or false"
        case is [Any].Type: "a list"
        default: "\(type)".hasPrefix("Array") ? "a list" : "an object"
        }
      return "\(key(context.codingPath)) must be \(words)"
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      // It has been read as JSON before, so that it is a number, whose key the decoder does not tell.
      return "a number that must be whole is not, or is far too large"
    case .dataCorrupted(let context):
      return "\(key(context.codingPath)) has a value that is not allowed: \(context.debugDescription)"
    @unknown default:
      return "\(error)"
    }
  }
}
