import ArgumentParser
import Evaluation
import Importers

extension ExitCode {
  /// What the command compares is not equal, or what it checks does not hold.
  static let mismatch = ExitCode(1)
  /// A question is neither answered yes nor no.
  static let undecided = ExitCode(3)
  /// A file cannot be read, written or understood (`EX_DATAERR`).
  static let badFile = ExitCode(65)
  /// A fault of Lockstep's own (`EX_SOFTWARE`).
  static let internalFault = ExitCode(70)
}

extension Lockstep {
  /// Runs the command that the arguments name. Errors become messages and exit statuses here and nowhere
  /// else: commands throw `FileError` for a bad file, `ValidationError` for wrong usage, `ExitCode` once they
  /// have said why.
  static func main() async {
    var given: (any ParsableCommand)?
    do {
      var command = try parseAsRoot()
      given = command
      if var asynchronous = command as? AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as FileError {
      writeError("error: \(error)")
      exit(withError: ExitCode.badFile)
    } catch let error as UsageError {
      exit(withWrongUsage: error.reason, of: given)
    } catch let error as ValidationError {
      exit(withWrongUsage: error.message, of: given)
    } catch {
      // The parser answers for its own errors, and for requests for help; of any other it knows only that it
      // failed.
      guard !(error is ExitCode), exitCode(for: error) == .failure else { exit(withError: error) }
      writeError(
        "internal error: \(error)\nThis is a fault in Lockstep: please report it with the command and its files."
      )
      exit(withError: ExitCode.internalFault)
    }
  }

  /// What a command finds wrong once it runs is told as what the parser finds: with the command's own usage.
  private static func exit(withWrongUsage reason: String, of command: (any ParsableCommand)?) -> Never {
    guard let command = command.map({ type(of: $0) }) else { exit(withError: ValidationError(reason)) }
    let names = [configuration.commandName, command.configuration.commandName].compactMap { $0 }
    writeError(
      "Error: \(reason)\nUsage: \(usageString(for: command))\n  See '\(names.joined(separator: " ")) --help' for more "
        + "information.")
    exit(withError: ExitCode.validationFailure)
  }
}
