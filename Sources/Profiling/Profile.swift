import CodeGeneration
import DifferentialTesting
import IntegerProgram

/// What running a network once on a target takes.
public struct Profile: Sendable {
  /// What a stretch of the run took, by what the target can count.
  public struct Count: Sendable {
    /// Executed instructions, exactly.
    public var instructions: Int?
    /// Cycles by the target's clock.
    public var cycles: Int?
    /// Cycles by the core's published timing table, from the executed instructions.
    public var estimatedCycles: Int?
    /// The instructions by the kinds that the table tells apart.
    public var mix: InstructionMix?
  }

  /// A step of the program.
  public struct Layer: Sendable {
    public var step: Int
    public var source: Step.Source
    public var output: Value
    public var multiplyAccumulates: Int
    /// Nil where nothing runs, as of a reshape, and where nothing counts.
    public var count: Count?
    /// The bytes of the step's own function.
    public var codeBytes: Int?
    /// Bytes of the arena that hold something while the step runs.
    public var liveBytes: Int
  }

  public enum Method: Sendable {
    case plugin, clock
    /// The target has no way to count.
    case none
  }

  public var program: IntegerProgram
  public var plan: MemoryPlan
  public var target: Target
  public var build: BuildConfiguration
  public var method: Method
  public var layers: [Layer]
  /// The function that calls the steps: its checks, and its calls.
  public var rest: Count?
  public var total: Count?
  /// The network's code and constants.
  public var size: CompiledSize
  /// What it calls besides, of libraries: their names and their bytes.
  public var library: [(name: String, bytes: Int)]
  public var arenaBytes: Int
  /// The stack below the caller's own, as painting shows it.
  public var measuredStackBytes: Int
  /// Whether all that was painted was used, so that it may have been more.
  public var isStackExhausted: Bool
  /// Nil where there is no bound; `stackObstacle` says why.
  public var stackBound: Int?
  public var stackObstacle: String?
  /// The functions on the deepest path.
  public var deepestCalls: [String]

  public var timing: Target.Timing? { method == .plugin ? target.device?.timing : nil }
}

/// Why a network cannot be profiled.
public enum ProfileError: Error, Sendable, CustomStringConvertible {
  /// The device has no room for it, or for the program that measures it.
  case doesNotFit(String)
  /// Something is missing on this machine.
  case missing(String)
  /// The compiler, the emulator or the device did not do as they should.
  case failure(String)

  public var description: String {
    switch self {
    case .doesNotFit(let reason), .missing(let reason), .failure(let reason): reason
    }
  }
}
