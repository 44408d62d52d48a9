import CZ3

/// Which Z3 this is.
public enum SolverVersion {
  /// As "4.8.12".
  public static var text: String {
    var (major, minor, build, revision): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    Z3_get_version(&major, &minor, &build, &revision)
    return "\(major).\(minor).\(build)"
  }
}
