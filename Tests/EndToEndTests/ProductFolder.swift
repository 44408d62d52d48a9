import Foundation

/// Where the package's files and the built command are.
enum Place {
  /// The package's root.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
}
