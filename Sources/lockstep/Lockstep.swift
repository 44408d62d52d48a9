import ArgumentParser

/// The command line.
@main
struct Lockstep: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "lockstep",
    abstract:
      "Turn a quantised neural network into integer-only C, and show that it computes the same bit for bit.",
    discussion: """
      Lockstep reads int8 TensorFlow Lite files and quantised ONNX files (QONNX, QDQ, QLinear). The simulator and the generated C are readings of one integer program, \
      so what you test here is what your device returns.

        lockstep inspect model.tflite
            layers, quantisation, work, proved accumulator ranges
        lockstep simulate model.tflite --input x.npy --output y.npy
            the codes a device returns for these inputs
        lockstep evaluate model.tflite --images x.npy --labels y.npy
            accuracy, confusion matrix, and how it differs from another network
        lockstep compile model.tflite --target host --output folder
            integer-only C, its documentation and a self-test
        lockstep difftest model.tflite --random 64
            the C, built in many ways, against the simulator
        lockstep profile model.tflite --target cortex-m4
            instructions, cycles, code, memory and stack on a device
        lockstep verify model.tflite --images x.npy --epsilon 1
            proofs that a class is kept, or inputs that change it
        lockstep check p.cert --model model.tflite
            a proof, checked by a small program of its own
        lockstep preflight model.tflite --target cortex-m4 --output evidence
            the gate before flashing: all of this, and a folder of evidence
        lockstep prove-image model.tflite firmware.elf --target cortex-m4
            machine code proved to compute the network, for every input
        lockstep train net.txt --images x.idx --labels y.idx --output model.tflite
            a network, trained to be robust if asked
        lockstep quantize float.onnx --to int8 --calibration x.npy --output model.tflite
            an integer network out of a float one

      Exit status: 0 done, 1 a mismatch or a violated property, 3 a property left undecided or vacuous, 64 wrong usage, 65 a file that cannot be read, written \
      or understood, 70 a fault of Lockstep's own.
      """,
    version: version,
    subcommands: [
      InspectCommand.self,
      SimulateCommand.self,
      EvaluateCommand.self,
      TrainCommand.self,
      CompileCommand.self,
      DifftestCommand.self,
      ProfileCommand.self,
      VerifyCommand.self,
      CheckCommand.self,
      PreflightCommand.self,
      ProveImageCommand.self,
      QuantizeCommand.self,
      FuzzImportCommand.self,
      BenchCommand.self,
      ExportCommand.self,
    ])
}
