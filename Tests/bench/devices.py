"""Executed instructions, code and arena of the generated code on three cores, beside the strongest way to deploy the same
networks that was measured: CMSIS-NN called directly, without an interpreter, with constants computed beforehand (on M4
and M0+ with just the kernels needed linked in). Its figures are constants, since instruction counts are the same on every
machine: Debian 12's arm-none-eabi-gcc 12.2 -O2 and QEMU 7.2, an inference without the copying of its input.

    python devices.py LOCKSTEP MODELS

MODELS is the folder with the networks; those that are not there are left out.
"""

import json
import subprocess
import sys
from pathlib import Path

lockstep, models = sys.argv[1], Path(sys.argv[2])
# Instructions, bytes of code with 1.9 KB of test program, bytes of the arena.
peers = {
    "cortex-m4": {
        "kws_ref_model": (7_222_280, 19_340, 16_256), "vww_96_int8": (22_598_540, 21_180, 65_536),
        "pretrainedResnet_quant": (28_500_705, 19_792, 51_456), "ad01_int8": (570_275, 7_148, 772),
        "person_detect": (21_421_385, 15_488, 56_320), "micro_speech_quantized": (1_449_130, 12_152, 5_972),
        "hello_world_int8": (2_400, 6_508, 36),
    },
    "cortex-m55": {
        "kws_ref_model": (1_809_613, 18_784, 20_464), "vww_96_int8": (6_547_973, 20_620, 68_976),
        "pretrainedResnet_quant": (4_907_312, 14_484, 51_456), "ad01_int8": (146_957, 5_268, 772),
        "person_detect": (6_497_730, 18_892, 59_760), "micro_speech_quantized": (1_005_770, 16_912, 6_928),
        "hello_world_int8": (1_207, 4_504, 36),
    },
    "cortex-m0plus": {
        "kws_ref_model": (28_994_220, 18_848, 16_160), "vww_96_int8": (86_883_110, 21_312, 64_624),
        "pretrainedResnet_quant": (97_553_910, 18_124, 51_456), "ad01_int8": (1_758_500, 6_308, 772),
        "person_detect": (83_672_310, 17_320, 55_300), "micro_speech_quantized": (2_591_120, 12_040, 5_972),
        "hello_world_int8": (5_900, 5_412, 36),
    },
}
print(f"{'device':15}{'network':24}{'instructions':>13}{'CMSIS-NN':>12}{'ratio':>7}{'code':>8}{'ratio':>7}{'arena':>8}{'ratio':>7}")
for target, networks in peers.items():
    for name, (instructions, code, arena) in networks.items():
        model = models / f"{name}.tflite"
        if not model.exists():
            continue
        profile = json.loads(subprocess.run(
            [lockstep, "profile", str(model), "--target", target, "--json", "-"], check=True, capture_output=True,
            text=True).stdout)
        ours = profile["total"]["instructions"], profile["code"]["bytes"], profile["arena"]["bytes"]
        print(f"{target:15}{name:24}{ours[0]:>13,}{instructions:>12,}{ours[0] / instructions:>7.2f}{ours[1]:>8,}"
              f"{ours[1] / (code - 1900):>7.2f}{ours[2]:>8,}{ours[2] / arena:>7.2f}", flush=True)
print("(ratios under 1 mean less than CMSIS-NN takes; its code without the 1.9 KB of its test program)")
