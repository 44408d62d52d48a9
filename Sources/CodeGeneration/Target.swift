import Foundation

/// A target: a folder with a `target.json` that says how code for it is laid out, built and run.
public struct Target: Sendable, Decodable {
  /// One way to build: flags for all files, and flags for the generated ones alone.
  public struct Configuration: Sendable, Decodable {
    public var name: String
    public var flags: [String]
    public var generatedCodeFlags: [String]?
    /// The machines (as `uname -m` says, Apple's and Linux's names alike) on which it has a meaning; nil for all.
    public var architectures: [String]?
    /// Whether a compiler that lacks it is passed over.
    public var optional: Bool?

    public var isForThisMachine: Bool {
      #if arch(x86_64)
      let machine = "x86_64"
      #elseif arch(arm64)
      let machine = "arm64"
      #else
      let machine = "other"
      #endif
      return architectures?.contains(machine) ?? true
    }
  }

  public var name: String
  public var description: String
  /// What the arena's address must be a multiple of.
  public var alignment: Int
  public var compilers: [String]
  public var warnings: [String]
  public var configurations: [Configuration]

  /// The target called `name`, or the one whose folder `name` is (a path with a slash). Named targets are looked for
  /// in `$LOCKSTEP_TARGETS`, in a `Targets` folder above the executable, and in `./Targets`.
  public static func named(_ name: String, executable: String? = Bundle.main.executablePath) throws -> Target {
    var folders: [String] = []
    if name.contains("/") {
      folders = [name]
    } else {
      if let place = ProcessInfo.processInfo.environment["LOCKSTEP_TARGETS"] { folders.append(place + "/" + name) }
      var folder = URL(fileURLWithPath: executable ?? ".").resolvingSymlinksInPath().deletingLastPathComponent()
      for _ in 0..<6 {
        folders.append(folder.appendingPathComponent("Targets/\(name)").path)
        folder = folder.deletingLastPathComponent()
      }
      folders.append("Targets/\(name)")
    }
    for folder in folders {
      let file = folder + "/target.json"
      guard let data = FileManager.default.contents(atPath: file) else { continue }
      do {
        let target = try JSONDecoder().decode(Target.self, from: data)
        guard (1...1024).contains(target.alignment) else {
          throw TargetError(description: "\(file): the alignment \(target.alignment) is outside 1 … 1024")
        }
        return target
      } catch let error as DecodingError {
        throw TargetError(description: "\(file): \(error)")
      }
    }
    throw TargetError(
      description: name.contains("/")
        ? "\(name)/target.json cannot be read"
        : "there is no target \"\(name)\": no target.json in Targets/\(name) near the executable or here; "
          + "LOCKSTEP_TARGETS may name the folder of targets")
  }
}

/// A target that does not exist or whose description is wrong.
public struct TargetError: Error, Sendable, CustomStringConvertible {
  public var description: String
}
