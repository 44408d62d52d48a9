import CodeGeneration
import DifferentialTesting
import Importers

/// The target that the user names.
func readTarget(_ name: String) throws -> Target {
  do {
    return try Target.named(name)
  } catch let error as TargetError {
    throw FileError(path: "--target \(name)", reason: error.description)
  }
}

/// Throws where this machine cannot test on the target's device.
func expectPrograms(of target: Target) throws {
  guard let missing = target.missingPrograms.first else { return }
  throw FileError(
    path: "--target \(target.name)", reason: "\(missing) is not installed; \(target.remedy(forMissing: missing))")
}
