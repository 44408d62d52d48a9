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
  /// The width of the processor's registers.
  public var wordBits: Int?
  /// What the processor has beyond its base instructions: `dsp` (Arm's DSP extension), `mve` (Arm's vector extension);
  /// or kernels that suit it: `armv6m` and `armv7m` (assembly for them), `mul32` (C for fast 32-bit multiplication).
  public var features: [String]?
  /// What the arena's address must be a multiple of.
  public var alignment: Int
  public var compilers: [String]
  public var warnings: [String]
  /// Flags of every configuration.
  public var flags: [String]?
  public var configurations: [Configuration]
  /// What the code runs on; nil where that is this machine.
  public var device: Device?
  /// The Debian package of each program that the target needs.
  public var packages: [String: String]?

  /// What to install for a program, as an error message says it.
  public func remedy(forMissing program: String) -> String {
    if let package = packages?[program] { return "install Debian's package \(package)" }
    return "put it on the PATH, or correct the name in the target's target.json"
  }
}

/// A target that does not exist or whose description is wrong.
public struct TargetError: Error, Sendable, CustomStringConvertible {
  public var description: String

  public init(description: String) { self.description = description }
}
