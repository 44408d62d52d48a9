// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lockstep",
  dependencies: [
    // The command line: Apple's own parser, with help and error texts users know.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // SHA-256 for the digests that tie simulation, C code and proof together.
    .package(url: "https://github.com/apple/swift-crypto", from: "3.12.0"),
    // Integers of any size: decimals and scales of property files are turned into codes exactly; so are the constants of
    // ONNX files, whose products and quotients pass every fixed width.
    .package(url: "https://github.com/attaswift/BigInt", from: "6.0.1"),
    // ONNX files are protocol buffers: Apple's own reader, which bounds nesting and checks lengths.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  // In pipeline order: a module sees only those above it.
  targets: [
    .target(name: "Arithmetic"),
    .target(name: "Network"),
    .target(name: "CTFLite"),
    // zlib: image sets come gzipped, and pictures in pages are PNG.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    // libpng: pictures are inputs.
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    .target(name: "CPictures", dependencies: ["CPNG"], linkerSettings: [.linkedLibrary("png")]),
    .target(name: "ConstantEvaluation", dependencies: ["Network"]),
    .target(
      name: "Importers",
      dependencies: [
        "Network", "ConstantEvaluation", "CTFLite", "CZlib", "CPictures", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["ONNX/onnx_subset.proto"]),
    // What constants and fixed shapes determine, computed before a network is lowered or quantised.
    .target(
      name: "IntegerProgram",
      dependencies: [
        "Arithmetic", "Network", "ConstantEvaluation", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "BigInt", package: "BigInt"),
      ]),
    .target(
      name: "Exporters",
      dependencies: [
        "Network", "CTFLite", "Importers", "IntegerProgram", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .target(name: "Quantization", dependencies: ["Network", "ConstantEvaluation", "IntegerProgram"]),
    .target(
      name: "Properties",
      dependencies: [
        "Network", "IntegerProgram", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "BigInt", package: "BigInt"),
      ]),
    .target(name: "CIntervalKernels"),
    .target(name: "Certificates", dependencies: ["Arithmetic", "IntegerProgram", "Properties", "CIntervalKernels"]),
    .target(name: "CSimulationKernels"),
    .target(name: "Simulation", dependencies: ["Arithmetic", "IntegerProgram", "CSimulationKernels"]),
    // Z3, the SMT solver with a C API in Debian.
    .systemLibrary(name: "CZ3", providers: [.apt(["libz3-dev"])]),
    .target(name: "SMT", dependencies: ["Arithmetic", "IntegerProgram", "Properties", "CZ3"]),
    // Clp, COIN-OR's simplex code with a C API in Debian: it guides the search and decides nothing.
    .systemLibrary(name: "CClp", providers: [.apt(["coinor-libclp-dev"])]),
    .target(name: "CVerificationKernels"),
    .target(
      name: "Verification",
      dependencies: [
        "Arithmetic", "IntegerProgram", "Properties", "Certificates", "Simulation", "SMT", "CClp", "CVerificationKernels",
      ]),
    .target(name: "Reporting", dependencies: ["CZlib"]),
    .target(
      name: "Evaluation",
      dependencies: [
        "Network", "Importers", "IntegerProgram", "Quantization", "Simulation", "Properties", "Reporting",
        .product(name: "BigInt", package: "BigInt"),
      ]),
    // Targets as Swift text, made at each build: the executable has them wherever it is copied to.
    .executableTarget(name: "embed-targets"),
    .plugin(name: "EmbedTargets", capability: .buildTool(), dependencies: ["embed-targets"]),
    .target(
      name: "CodeGeneration", dependencies: ["Arithmetic", "Network", "IntegerProgram"], plugins: ["EmbedTargets"]),
    .target(
      name: "DifferentialTesting", dependencies: ["Network", "IntegerProgram", "Simulation", "CodeGeneration"]),
    .target(
      name: "Profiling",
      dependencies: ["IntegerProgram", "Simulation", "CodeGeneration", "DifferentialTesting"]),
    // Instruction sets: decoders, the meaning of each instruction once for all readings, an emulator; ELF files.
    .target(name: "MachineCode"),
    .target(name: "ImageProof", dependencies: ["Arithmetic", "IntegerProgram", "MachineCode"]),
    // OpenBLAS: the matrix products of training.
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CTrainingKernels"),
    .target(name: "Training", dependencies: ["Network", "COpenBLAS", "CTrainingKernels"]),
    .executableTarget(
      name: "lockstep",
      dependencies: [
        "Arithmetic", "Network", "ConstantEvaluation", "Importers", "Exporters", "IntegerProgram", "Quantization", "Simulation",
        "Evaluation", "CodeGeneration", "DifferentialTesting", "Profiling", "MachineCode", "ImageProof", "Properties",
        "Certificates", "SMT", "Verification", "Reporting", "Training",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "BigInt", package: "BigInt"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(name: "ArithmeticTests", dependencies: ["Arithmetic"]),
    .testTarget(
      name: "SimulationTests", dependencies: ["Arithmetic", "IntegerProgram", "Simulation", "CSimulationKernels"]),
    .testTarget(name: "ConstantEvaluationTests", dependencies: ["Network", "ConstantEvaluation"]),
    .testTarget(name: "ImportersTests", dependencies: ["Network", "Importers"]),
    .testTarget(
      name: "ExportersTests", dependencies: ["Network", "Importers", "Exporters", "IntegerProgram", "Simulation"]),
    .testTarget(
      name: "QuantizationTests",
      dependencies: ["Network", "Importers", "Exporters", "IntegerProgram", "Quantization", "Simulation"]),
    .testTarget(
      name: "PropertiesTests",
      dependencies: ["IntegerProgram", "Properties", "Simulation", .product(name: "BigInt", package: "BigInt")]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: ["Importers", "IntegerProgram", "Quantization", "Simulation", "Properties", "Evaluation"]),
    .testTarget(name: "ReportingTests", dependencies: ["Reporting", "CZlib"]),
    .testTarget(
      name: "SMTTests",
      dependencies: [
        "Arithmetic", "IntegerProgram", "Properties", "Simulation", "SMT", "DifferentialTesting",
      ]),
    .testTarget(
      name: "VerificationTests",
      dependencies: [
        "Arithmetic", "Network", "Importers", "IntegerProgram", "Properties", "Certificates", "Simulation", "SMT",
        "Verification", "DifferentialTesting",
      ]),
    .testTarget(
      name: "IntegerProgramTests", dependencies: ["Arithmetic", "Network", "IntegerProgram", "Simulation"]),
    .testTarget(
      name: "CodeGenerationTests",
      dependencies: [
        "lockstep", "Arithmetic", "Network", "Importers", "IntegerProgram", "Evaluation", "CodeGeneration",
        "DifferentialTesting",
      ]),
    .testTarget(
      name: "DifferentialTestingTests",
      dependencies: [
        "lockstep", "Arithmetic", "Network", "Importers", "IntegerProgram", "CodeGeneration", "DifferentialTesting",
      ]),
    .testTarget(
      name: "ProfilingTests",
      dependencies: [
        "lockstep", "Network", "Importers", "IntegerProgram", "Simulation", "CodeGeneration", "DifferentialTesting",
        "Profiling", "MachineCode",
      ]),
    .testTarget(name: "MachineCodeTests", dependencies: ["MachineCode", "DifferentialTesting"]),
    .testTarget(
      name: "ImageProofTests",
      dependencies: [
        "Arithmetic", "IntegerProgram", "Simulation", "CodeGeneration", "DifferentialTesting", "MachineCode", "ImageProof",
      ]),
    .testTarget(name: "TrainingTests", dependencies: ["Training", "CTrainingKernels"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "lockstep", "Arithmetic", "Network", "Importers", "IntegerProgram", "Properties", "Simulation", "Evaluation",
        "CodeGeneration", "DifferentialTesting", "Exporters", "Quantization", "Verification", "Reporting",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "BigInt", package: "BigInt"),
      ]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
