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
  private let file: OpenFile
  /// Lines of several threads do not mix.
  private let lock = Mutex(())

  /// A report's size is bounded by the questions of a batch; this is far above.
  static let largest = 4 << 30

  /// Starts a report, or goes on with the one at `path` where `resume`: lines of another program are an error, a torn
  /// last line is dropped, and so are those that are to be answered again, by `isFinal`. The path `-` is stdout. A report
  /// that another run is writing is an error.
  init(path: String, resume: Bool, programDigest: String, isFinal: (VerificationRecord) -> Bool) throws {
    self.path = path
    guard path != "-" else {
      known = [:]
      file = OpenFile(descriptor: STDOUT_FILENO)
      return
    }
    // Locked before it is read: until then another run may add to it.
    let (opened, size) = try Self.locked(path)
    guard let size else {
      (known, file) = ([:], opened)
      return
    }
    guard size == 0 || resume else {
      throw ValidationError(
        "--report \(path.printable()) exists; go on with it by --resume, or remove it or name another.")
    }
    let bytes = try InputFile.bytes(path: path, limit: Self.largest)
    let lines = try Self.records(bytes, path: path)
    for (index, line) in lines.enumerated() where line.record.program != programDigest {
      throw FileError(
        path: path,
        reason:
          "line \(index + 1) is about another network or arithmetic (program \(line.record.program.printable(64)), not "
          + "\(programDigest)); name another report")
    }
    let finals = lines.filter { isFinal($0.record) }
    known = Dictionary(finals.map { ($0.record.query, $0.record) }) { $1 }
    let text = finals.flatMap { bytes[$0.range] + [UInt8(ascii: "\n")] }
    guard text.count != bytes.count else {
      file = opened
      return
    }
    // Another file takes the place, whole; the one that was there stays locked until this one is.
    try OutputFiles.whole { try $0.add(text, at: path) }
    file = try withExtendedLifetime(opened) { try Self.locked(path).file }
  }

  /// Opens the file at `path` to add to, and keeps other runs from it; its size is nil where it is no ordinary file.
  private static func locked(_ path: String) throws(FileError) -> (file: OpenFile, size: Int?) {
    let file = OpenFile(descriptor: open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666))
    var (status, place) = (stat(), stat())
    guard file.descriptor >= 0, fstat(file.descriptor, &status) == 0 else { throw fault(path) }
    guard status.st_mode & S_IFMT == S_IFREG else { return (file, nil) }
    // Another run may have put another file in its place before the lock was had.
    guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0, stat(path, &place) == 0,
      (place.st_dev, place.st_ino) == (status.st_dev, status.st_ino), fstat(file.descriptor, &status) == 0
    else { throw FileError(path: path, reason: "is being written by another run") }
    return (file, Int(status.st_size))
  }

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

  /// The records of a report that is whole: it has lines, and the last has an end.
  static func complete(path: String) throws(FileError) -> [VerificationRecord] {
    let bytes = try InputFile.bytes(path: path, limit: largest)
    let records = try records(bytes, path: path).map(\.record)
    if let last = bytes.last, last != UInt8(ascii: "\n") {
      throw FileError(path: path, reason: "its last line is torn; go on with it by verify --resume")
    }
    guard !records.isEmpty else { throw FileError(path: path, reason: "has no line: it is no report of verify") }
    return records
  }

  /// Adds a line, at once.
  func append(_ record: VerificationRecord) throws(FileError) {
    let bytes = Array((record.line + "\n").utf8)
    try lock.withLock { _ throws(FileError) in
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { write(file.descriptor, $0.baseAddress, $0.count) }
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

/// Closed when the last reference to it goes.
private final class OpenFile: Sendable {
  let descriptor: Int32
  init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { if descriptor > STDERR_FILENO { close(descriptor) } }
}
