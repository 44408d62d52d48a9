import ArgumentParser
import CodeGeneration
import DifferentialTesting
import Importers

/// The target that the user names; with `isTrusted` false, that something names which must not bring its own.
func readTarget(_ name: String, isTrusted: Bool = true) throws -> Target {
  do {
    return try Target.named(name, searchesHere: isTrusted)
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

/// Throws where the target is no microcontroller, or this machine cannot run its programs.
func expectDevice(of target: Target) throws {
  guard target.device != nil else {
    throw ValidationError(
      "--target \(target.name) is this machine, and no microcontroller. Name a target with a device, such as cortex-m4.")
  }
  try expectPrograms(of: target)
}

/// The target's way to build of that name; without one, its first.
func build(of target: Target, called name: String?) throws -> BuildConfiguration {
  let builds = BuildConfiguration.all(of: target)
  guard let build = builds.first(where: { name == nil || $0.configuration.name == name }) else {
    let names = target.configurations.map(\.name).joined(separator: ", ")
    throw ValidationError("--configuration '\(name ?? "")' is none of \(target.name)'s: \(names).")
  }
  return build
}
