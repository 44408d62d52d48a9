import ArgumentParser
import Importers
import Reporting
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A report of JSON Lines that grows as answers come. Whatever ends the run, each line is whole or the last and torn.
final class ReportFile: Sendable {
  /// The answers of earlier runs that still hold, by question.
  let known: [String: VerificationRecord]
  private let path: String
  private let descriptor: Int32
  /// Lines of several threads do not mix.
  private let lock = Mutex(())

  /// A report's size is bounded by the questions of a batch; this is far above.
  static let largest = 4 << 30

  /// Starts a report, or goes on with the one at `path` where `resume`: lines of another program are an error, a torn
  /// last line is dropped, and so are those that are to be answered again, by `isFinal`. The path `-` is stdout.
  init(path: String, resume: Bool, programDigest: String, isFinal: (VerificationRecord) -> Bool) throws {
    self.path = path
    guard path != "-" else {
      known = [:]
      descriptor = STDOUT_FILENO
      return
    }
    var status = stat()
    let exists = stat(path, &status) == 0
    let isRegular = !exists || status.st_mode & S_IFMT == S_IFREG
    if exists && isRegular && status.st_size > 0 && !resume {
      throw ValidationError(
        "--report \(path.printable()) exists; go on with it by --resume, or remove it or name another.")
    }
    var kept: [String: VerificationRecord] = [:]
    if exists && isRegular {
      let bytes = try InputFile.bytes(path: path, limit: Self.largest)
      let lines = try Self.records(bytes, path: path)
      let finals = lines.filter { isFinal($0.record) }
      for (index, line) in lines.enumerated() where line.record.program != programDigest {
        throw FileError(
          path: path,
          reason:
            "line \(index + 1) is about another network or arithmetic (program \(line.record.program.printable(64)), not "
            + "\(programDigest)); name another report")
      }
      for line in finals { kept[line.record.query] = line.record }
      let text = finals.flatMap { bytes[$0.range] + [UInt8(ascii: "\n")] }
      if text.count != bytes.count { try OutputFiles.whole { try $0.add(text, at: path) } }
    }
    known = kept
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.fault(path) }
    guard !isRegular || flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw FileError(path: path, reason: "is being written by another run")
    }
  }

  deinit { if descriptor != STDOUT_FILENO { close(descriptor) } }

  /// The records of a report, each with the bytes of its line; a last line without an end is left out.
  static func records(
    _ bytes: [UInt8], path: String
  ) throws(FileError) -> [(range: Swift.Range<Int>, record: VerificationRecord)] {
    var result: [(range: Swift.Range<Int>, record: VerificationRecord)] = []
    var start = 0
    var number = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      number += 1
      if end > start {
        guard let record = VerificationRecord(line: bytes[start..<end]) else {
          throw FileError(
            path: path, reason: "line \(number) is no line of a verification report; remove it, or the file")
        }
        result.append((start..<end, record))
      }
      start = end + 1
    }
    return result
  }

  /// Adds a line, at once.
  func append(_ record: VerificationRecord) throws(FileError) {
    let bytes = Array((record.line + "\n").utf8)
    try lock.withLock { _ throws(FileError) in
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw Self.fault(path) }
        sent += count
      }
    }
  }

  private static func fault(_ path: String) -> FileError {
    FileError(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
  }
}
