import Foundation

// embed-targets FOLDER OUTPUT.swift: the folder's files as a list of names and texts in Swift.

struct EmbeddingError: Error, CustomStringConvertible {
  var description: String
}

func literal(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\\": quoted += "\\\\"
    case "\"": quoted += "\\\""
    case "\n": quoted += "\\n"
    case "\r": quoted += "\\r"
    case "\t": quoted += "\\t"
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}

guard CommandLine.arguments.count == 3 else { throw EmbeddingError(description: "embed-targets FOLDER OUTPUT.swift") }
let (folder, output) = (CommandLine.arguments[1], CommandLine.arguments[2])
let names = (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []).sorted()
var lines = ["extension BundledTargets {", "  /// The files of Targets, by their paths there.", "  static let files: [(name: String, text: String)] = ["]
for name in names {
  var isFolder: ObjCBool = false
  let path = folder + "/" + name
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { continue }
  guard let data = FileManager.default.contents(atPath: path), let text = String(validating: data, as: UTF8.self) else {
    throw EmbeddingError(description: "\(path): is no text")
  }
  lines.append("    (\(literal(name)), \(literal(text))),")
}
lines += ["  ]", "}", ""]
try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: output))
