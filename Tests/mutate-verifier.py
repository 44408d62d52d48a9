#!/usr/bin/env python3
"""Faults put into the certificate checker, all of which the verification tests must notice: Tests/mutate-verifier.py

Copies the package to .build-mutants, where each fault stands beside the original behind a switch that an environment
variable sets, builds that once and runs the tests once without a fault and once with each. Takes some minutes for the
build and up to one for each fault. Arguments: the numbers of the faults to try; all where none is given.
"""
import os
import re
import shutil
import subprocess
import sys
import time

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COPY = os.path.join(PACKAGE, ".build-mutants")
FLAGS = ["-c", "release", "-Xswiftc", "-enable-testing"]
# The tests of the checker, the quicker ones first; the others run the search as well and take longer.
TESTS = [r"VerificationTests\.(Range|Staircase|SoftmaxBound|Checker)Tests", r"VerificationTests\.CertificateMutationTests"]

# What is done wrongly, the file, the text, and what stands for it where the fault is on. `FAULT` is the switch.
FAULTS = [
    ("a staircase's thresholds one too high", "Staircase.swift",
     "thresholds.append(Int32(above))", "thresholds.append(Int32(above) + (FAULT ? 1 : 0))"),
    ("codes that are jumped over have later thresholds", "Staircase.swift",
     "if code(Int32(start)) >= next {", "if !FAULT && code(Int32(start)) >= next {"),
    ("a staircase's maximum leaves out the highest level", "Staircase.swift",
     "var best = max(value(lowestCode), value(highestCode))",
     "var best = FAULT ? value(lowestCode) : max(value(lowestCode), value(highestCode))"),
    ("sums end one too low", "ChannelWeights.swift",
     "return (lows, highs)", "return (lows, FAULT ? zip(lows, highs).map { $1 > $0 ? $1 - 1 : $1 } : highs)"),
    ("ranges leave out the padding", "ChannelWeights.swift",
     "< 0 && affine.paddingCode != 0 {", "< 0 && affine.paddingCode != 0 && !FAULT {"),
    ("ranges of groups leave out the padding", "Ranges.swift",
     "center &+= Int64(weights[row &+ i]) &* padding", "center &+= FAULT ? 0 : Int64(weights[row &+ i]) &* padding"),
    ("sums of groups end one too low", "Ranges.swift",
     "highs[pixel &* channels &+ channel] = Int32(truncatingIfNeeded: b)",
     "highs[pixel &* channels &+ channel] = Int32(truncatingIfNeeded: FAULT && b > a ? b - 1 : b)"),
    ("ranges leave out a corner of a product", "Ranges.swift",
     "ends = [p * r, p * s, q * r, q * s]", "ends = FAULT ? [p * r, p * s, q * r] : [p * r, p * s, q * r, q * s]"),
    ("a code's last accumulator is cut off", "Ranges.swift",
     "staircase.first(reaching: Int32(clamping: codes.upperBound + 1)) &- 1)",
     "staircase.first(reaching: Int32(clamping: codes.upperBound + 1)) &- (FAULT ? 2 : 1))"),
    ("bounds one too low", "LagrangianBound.swift",
     "return LagrangianBound(value: total,", "return LagrangianBound(value: total - (FAULT ? 1 : 0),"),
    ("bounds leave out the constant", "LagrangianBound.swift",
     "var total = functional.constant", "var total = FAULT ? 0 : functional.constant"),
    ("bounds leave out the bias", "LagrangianBound.swift",
     "try add(multiplier &* Int64(affine.bias[element % affine.geometry.outputChannels]), to: &total)",
     "if !FAULT { try add(multiplier &* Int64(affine.bias[element % affine.geometry.outputChannels]), to: &total) }"),
    ("bounds leave out the padding", "LagrangianBound.swift",
     "try add(cost, to: &total)", "if !FAULT { try add(cost, to: &total) }"),
    ("what falls on the padding wraps", "LagrangianBound.swift",
     "guard let cost = Int64(exactly: padding * Int128(affine.paddingCode)) else {",
     "guard let cost = FAULT ? Int64(truncatingIfNeeded: padding * Int128(affine.paddingCode))\n"
     "  : Int64(exactly: padding * Int128(affine.paddingCode)) else {"),
    ("a window outside the image has no code", "LagrangianBound.swift",
     "guard !taps.isEmpty else { return price * clamp.lowerBound }",
     "guard FAULT || !taps.isEmpty else { return price * clamp.lowerBound }"),
    ("bounds leave out the fill of a move", "LagrangianBound.swift",
     "try add(price[element] &* Int64(source.element), to: &total)",
     "if !FAULT { try add(price[element] &* Int64(source.element), to: &total) }"),
    ("bounds leave out a corner of a product", "LagrangianBound.swift",
     "for code in [a, b] {", "for code in FAULT ? [a] : [a, b] {"),
    ("bounds take a difference for a sum", "LagrangianBound.swift",
     "let signed = combine.kind == .sum ? m : -m", "let signed = combine.kind == .sum || FAULT ? m : -m"),
    ("bounds leave out a table's last code", "LagrangianBound.swift",
     "best = max(best, p &* Int64(lookup.table[Int(code - lookup.lowest)]) &- m &* Int64(code))",
     "if FAULT && code > ranges.low[value][element] && code == ranges.high[value][element] { continue }\n"
     "best = max(best, p &* Int64(lookup.table[Int(code - lookup.lowest)]) &- m &* Int64(code))"),
    ("bounds leave out a bend of a window's clamp", "LagrangianBound.swift",
     "let corners = taps.flatMap { [$0.low, $0.high] } + [clamp.lowerBound, clamp.upperBound]",
     "let corners = taps.flatMap { [$0.low, $0.high] } + (FAULT ? [] : [clamp.lowerBound, clamp.upperBound])"),
    ("a lemma's quotient is one too low", "Proof.swift",
     "return a % b < 0 ? quotient - 1 : quotient",
     "return (a % b < 0 ? quotient - 1 : quotient) - (FAULT ? 1 : 0)"),
    ("reduced costs reach one too short", "Proof.swift",
     "let reach = bound.value / Int64(price.magnitude)",
     "let reach = max(0, bound.value / Int64(price.magnitude) - (FAULT ? 1 : 0))"),
    ("constraints are taken with negative multiples", "Proof.swift",
     "guard multiplier > 0 else", "guard FAULT || multiplier > 0 else"),
    ("settling leaves one too little", "Goal.swift",
     "let slack = total / Int128(part.coefficient.magnitude)",
     "let slack = max(0, total / Int128(part.coefficient.magnitude) - (FAULT ? 1 : 0))"),
    ("a softmax ties one too seldom", "SoftmaxBounds.swift",
     "    return low\n  }\n\n  private func mayTie", "    return low - (FAULT ? 1 : 0)\n  }\n\n  private func mayTie"),
    ("a softmax's sums are too low", "SoftmaxBounds.swift",
     "sumHigh += summand(max(0, least - high[element]))",
     "sumHigh += summand(max(0, least - (FAULT ? low : high)[element]))"),
    ("the upper case starts one too high", "CertificateChecker.swift",
     "to: Int64(at) + 1...Int64.max)", "to: Int64(at) + (FAULT ? 2 : 1)...Int64.max)"),
    ("a bound of zero passes for a contradiction", "CertificateChecker.swift",
     "guard bound.value < 0 else", "guard bound.value < (FAULT ? 1 : 0) else"),
    ("the last point is not tried", "CertificateChecker.swift",
     "point.indices.first(where: { point[$0] < box[$0].upperBound })",
     "point.indices.first(where: { point[$0] < box[$0].upperBound - (FAULT ? 1 : 0) })"),
    ("one of two cases is left out", "CertificateChecker.swift",
     "      open.append(upper)", "      if !FAULT { open.append(upper) }"),
    ("cases may stay open", "CertificateChecker.swift", "guard open.isEmpty else", "guard FAULT || open.isEmpty else"),
    ("any program will do", "CertificateChecker.swift",
     "guard certificate.program == digest else", "guard FAULT || certificate.program == digest else"),
]


def prepare():
    """The copy: the sources with all faults built in, the tests of the verifier, and no more."""
    for folder in ["Sources", "Tests"]:
        shutil.rmtree(os.path.join(COPY, folder), ignore_errors=True)
    shutil.copytree(os.path.join(PACKAGE, "Sources"), os.path.join(COPY, "Sources"))
    shutil.copytree(os.path.join(PACKAGE, "Tests/VerificationTests"), os.path.join(COPY, "Tests/VerificationTests"))
    manifest = open(os.path.join(PACKAGE, "Package.swift")).read()
    # Without the command and the tests of other modules.
    other = r'\n    \.(executableTarget|testTarget)\(\s*name: "(?!VerificationTests)[^"]*".*?\]\),(?=\n)'
    manifest = re.sub(other, "", manifest, flags=re.S)
    open(os.path.join(COPY, "Package.swift"), "w").write(manifest)
    for number, (what, file, text, fault) in enumerate(FAULTS, 1):
        path = os.path.join(COPY, "Sources/Certificates", file)
        source = open(path).read()
        if source.count(text) != 1:
            sys.exit(f"fault {number} ({what}): its text occurs {source.count(text)} times in {file}")
        open(path, "w").write(source.replace(text, fault.replace("FAULT", f"(fault == {number})")))
    open(os.path.join(COPY, "Sources/Certificates/Fault.swift"), "w").write(
        "import Foundation\n\nlet fault = Int(ProcessInfo.processInfo.environment[\"FAULT\"] ?? \"\") ?? 0\n")


def test(fault, limit=900):
    """Whether all tests pass, and which fail."""
    for tests in TESTS:
        command = ["swift", "test", *FLAGS, "--package-path", COPY, "--skip-build", "--filter", tests]
        try:
            run = subprocess.run(
                command, env={**os.environ, "FAULT": str(fault)}, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return False, "did not end"
        if run.returncode != 0:
            failed = sorted(set(re.findall(r"Test (\w+)\([^)]*\) failed", run.stdout + run.stderr)))
            return False, ", ".join(failed) or f"exit {run.returncode}"
    return True, ""


def main():
    chosen = [int(argument) for argument in sys.argv[1:]] or range(1, len(FAULTS) + 1)
    prepare()
    command = ["swift", "build", *FLAGS, "--package-path", COPY, "--build-tests"]
    build = subprocess.run(command, capture_output=True, text=True)
    if build.returncode != 0:
        sys.exit(build.stdout[-3000:] + build.stderr[-3000:])
    passes, failed = test(0)
    if not passes:
        sys.exit(f"without a fault: {failed}")
    missed = 0
    for number in chosen:
        start = time.time()
        passes, failed = test(number)
        missed += passes
        print(f"{number:3} {'MISSED' if passes else 'caught'}  {FAULTS[number - 1][0]:50} "
              f"{time.time() - start:4.0f} s  {'' if passes else failed}", flush=True)
    print(f"{len(list(chosen)) - missed} of {len(list(chosen))} faults caught")
    sys.exit(1 if missed else 0)


main()
