import Foundation
import PackagePlugin

/// Makes Swift text of the files in Targets, so that the executable has them wherever it is copied to.
@main struct EmbedTargets: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any PackagePlugin.Target) throws -> [Command] {
    let folder = context.package.directoryURL.appending(path: "Targets")
    let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
    let files = (all?.allObjects as? [URL] ?? []).filter {
      (try? $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
    }
    let output = context.pluginWorkDirectoryURL.appending(path: "BundledTargetFiles.swift")
    return [
      .buildCommand(
        displayName: "Embedding Targets", executable: try context.tool(named: "embed-targets").url,
        arguments: [folder.path, output.path], inputFiles: files, outputFiles: [output])
    ]
  }
}
