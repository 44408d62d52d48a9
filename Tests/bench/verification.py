"""The AAAI 2021 robustness benchmark (400 MNIST and 300 Fashion-MNIST questions) through the command line, start-up,
certificates and their checking included, and bit-vector SMT on the questions that it can finish.

    python verification.py LOCKSTEP DATA [--smt N] [--trained SECONDS]

DATA is the folder with models/ (the two 6-bit networks and the published verdicts), mnist/ and fashion-mnist/. With --smt N
the first N questions of each epsilon go to the SMT engine and, as SMT-LIB, to bitwuzla (PyPI), 20 s each. With --trained the deeper and wider
networks of Tests/Networks are asked about their first 20 correctly classified test images, so many seconds each.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

lockstep, data = sys.argv[1], Path(sys.argv[2])
smt = int(sys.argv[sys.argv.index("--smt") + 1]) if "--smt" in sys.argv else 0
trained = int(sys.argv[sys.argv.index("--trained") + 1]) if "--trained" in sys.argv else 0
sets = [("mnist", e, (e - 1) * 100, e * 100 - 1) for e in (1, 2, 3, 4)]
sets += [("fashion-mnist", 1, 0, 99), ("fashion-mnist", 2, 100, 199)]
sets += [("fashion-mnist", 3, 200, 249), ("fashion-mnist", 4, 300, 349)]
published = {}
with open(data / "models/aaai21_published_verdicts.csv") as file:
    for row in csv.DictReader(file):
        published[row["dataset"], int(row["epsilon"]), int(row["sample"])] = row["published"]
meaning = {"robust": "proved", "vulnerable": "violated", "misclassified": "misclassified"}


def question(dataset, first, last, epsilon):
    model = data / f"models/{dataset.replace('-', '_')}_mlp_6bit.onnx"
    folder = data / dataset
    return [
        str(model), "--images", str(folder / "t10k-images-idx3-ubyte.gz"), "--labels",
        str(folder / "t10k-labels-idx1-ubyte.gz"), "--samples", f"{first}-{last}", "--epsilon", str(epsilon),
    ]


print(f"{'set':15}{'eps':>4}{'proved':>8}{'violated':>9}{'wrong class':>12}{'unknown':>8}{'contrad.':>9}"
      f"{'wall s':>8}{'slowest s':>10}{'check s':>8}{'KB':>7}")
total = {"wall": 0.0, "check": 0.0, "unknown": 0, "contradictions": 0}
with tempfile.TemporaryDirectory() as out:
    for dataset, epsilon, first, last in sets:
        report, proofs = f"{out}/{dataset}-{epsilon}.jsonl", f"{out}/{dataset}-{epsilon}"
        start = time.monotonic()
        subprocess.run(
            [lockstep, "verify", *question(dataset, first, last, epsilon), "--report", report, "--certificates", proofs,
             "--timeout", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.monotonic() - start
        lines = [json.loads(line) for line in open(report)]
        start = time.monotonic()
        checked = subprocess.run(
            [lockstep, "check", "--report", report, "--model", question(dataset, 0, 0, 1)[0]],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        check = time.monotonic() - start
        assert checked.returncode == 0, f"the checker refuses a verdict of {report}"
        count = lambda verdict: sum(line["verdict"] == verdict for line in lines)
        contradictions = sum(
            meaning.get(published[dataset, epsilon, line["sample"]], line["verdict"]) != line["verdict"]
            for line in lines if line["verdict"] != "unknown")
        size = sum(file.stat().st_size for file in Path(proofs).glob("*")) / 1000
        print(f"{dataset:15}{epsilon:>4}{count('proved'):>8}{count('violated'):>9}{count('misclassified'):>12}"
              f"{count('unknown'):>8}{contradictions:>9}{wall:>8.2f}{max(line['seconds'] for line in lines):>10.3f}"
              f"{check:>8.2f}{size:>7.0f}")
        total["wall"] += wall
        total["check"] += check
        total["unknown"] += count("unknown")
        total["contradictions"] += contradictions
print(f"all 700: {total['wall']:.2f} s with start-up and certificates, {total['check']:.2f} s to check them; "
      f"{total['unknown']} unknown, {total['contradictions']} contradictions with the published verdicts")

if trained:
    networks = Path(__file__).parent.parent / "Networks"
    expected = json.load(open(networks / "expected.json"))
    print(f"\ntrained networks, the first 20 correctly classified images of the MNIST test set, {trained} s each, 2 at a time")
    print(f"{'network':24}{'eps':>4}{'proved':>8}{'violated':>9}{'unknown':>8}{'decided':>9}{'median s':>9}{'wall s':>8}")
    for name, epsilon in [
        ("mnist_784-100-10_6bit", 10), ("mnist_784-100-10_4bit", 6), ("mnist_784-64-32-10_6bit", 4),
        ("mnist_784-64-32-10_6bit", 6), ("mnist_784-64-32-10_4bit", 4), ("mnist_784-64-32-10_4bit", 6),
    ]:
        with tempfile.TemporaryDirectory() as out:
            start = time.monotonic()
            ask = question("mnist", 0, 0, epsilon)[1:]
            ask[ask.index("--samples") + 1] = ",".join(map(str, expected[name]["first_correct"]))
            subprocess.run(
                [lockstep, "verify", str(networks / f"{name}.onnx"), *ask, "--report", f"{out}/r.jsonl", "--certificates",
                 f"{out}/proofs", "--jobs", "2", "--timeout", str(trained)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wall = time.monotonic() - start
            lines = [json.loads(line) for line in open(f"{out}/r.jsonl")]
            checked = subprocess.run(
                [lockstep, "check", "--report", f"{out}/r.jsonl", "--model", str(networks / f"{name}.onnx")],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            assert checked.returncode in (0, 3), f"the checker refuses a verdict on {name}"
        count = lambda verdict: sum(line["verdict"] == verdict for line in lines)
        times = sorted(line["seconds"] for line in lines if line["verdict"] in ("proved", "violated"))
        print(f"{name:24}{epsilon:>4}{count('proved'):>8}{count('violated'):>9}{count('unknown'):>8}"
              f"{len(times) / len(lines):>9.0%}{times[len(times) // 2]:>9.2f}{wall:>8.0f}", flush=True)

if smt:
    import bitwuzla

    print(f"\nbit-vector SMT, the first {smt} of each set, 20 s each: decided and mean seconds of those")
    print(f"{'set':15}{'eps':>4}{'search':>16}{'Z3 engine':>16}{'bitwuzla':>16}")
    for dataset, epsilon, first, _ in sets:
        row = []
        for engine in (["--engine", "search"], ["--engine", "smt", "--trust-solver"]):
            done = subprocess.run(
                [lockstep, "verify", *question(dataset, first, first + smt - 1, epsilon), "--report", "-", "--jobs", "1",
                 "--timeout", "20", *engine], capture_output=True, text=True)
            lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            decided = [line["seconds"] for line in lines if line["verdict"] in ("proved", "violated")]
            row.append(f"{len(decided)} {sum(decided) / max(1, len(decided)):.3f}")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [lockstep, "verify", *question(dataset, first, first + smt - 1, epsilon), "--emit-smt2", folder],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            decided = []
            for file in sorted(Path(folder).rglob("*.smt2")):
                options = bitwuzla.Options()
                options.set(bitwuzla.Option.TIME_LIMIT_PER, 20_000)
                manager = bitwuzla.TermManager()
                parser = bitwuzla.Parser(manager, options)
                start = time.monotonic()
                try:
                    text = parser.parse(str(file))
                except bitwuzla.BitwuzlaException:
                    text = None
                took = time.monotonic() - start
                if took < 20:
                    decided.append(took)
            row.append(f"{len(decided)} {sum(decided) / max(1, len(decided)):.3f}")
        print(f"{dataset:15}{epsilon:>4}" + "".join(f"{cell:>16}" for cell in row))
