// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lockstep",
  dependencies: [
    // The command line: Apple's own parser, with help and error texts users know.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // SHA-256 for the digests that tie simulation, C code and proof together.
    .package(url: "https://github.com/apple/swift-crypto", from: "3.12.0"),
  ],
  // In pipeline order: a module sees only those above it.
  targets: [
    .target(name: "Arithmetic"),
    .target(name: "Network"),
    .target(name: "CTFLite"),
    .target(name: "Importers", dependencies: ["Network", "CTFLite"]),
    .target(
      name: "IntegerProgram",
      dependencies: ["Arithmetic", "Network", .product(name: "Crypto", package: "swift-crypto")]),
    .target(name: "CSimulationKernels"),
    .target(name: "Simulation", dependencies: ["Arithmetic", "IntegerProgram", "CSimulationKernels"]),
    .target(name: "CodeGeneration", dependencies: ["Arithmetic", "Network", "IntegerProgram"]),
    .target(
      name: "DifferentialTesting", dependencies: ["Network", "IntegerProgram", "Simulation", "CodeGeneration"]),
    .executableTarget(
      name: "lockstep",
      dependencies: [
        "Arithmetic", "Network", "Importers", "IntegerProgram", "Simulation", "CodeGeneration",
        "DifferentialTesting", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(name: "ArithmeticTests", dependencies: ["Arithmetic"]),
    .testTarget(
      name: "SimulationTests", dependencies: ["Arithmetic", "IntegerProgram", "Simulation", "CSimulationKernels"]),
    .testTarget(name: "ImportersTests", dependencies: ["Importers"]),
    .testTarget(name: "IntegerProgramTests", dependencies: ["Arithmetic", "Network", "IntegerProgram"]),
    .testTarget(
      name: "CodeGenerationTests",
      dependencies: [
        "lockstep", "Arithmetic", "Network", "Importers", "IntegerProgram", "CodeGeneration", "DifferentialTesting",
      ]),
    .testTarget(
      name: "DifferentialTestingTests",
      dependencies: [
        "lockstep", "Arithmetic", "Network", "Importers", "IntegerProgram", "CodeGeneration", "DifferentialTesting",
      ]),
    .testTarget(
      name: "EndToEndTests", dependencies: ["lockstep", "Arithmetic", "Network", "Importers", "IntegerProgram", "Simulation"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
