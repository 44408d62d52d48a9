"""Zephyr modules as CMake: modules.py OUT.cmake PRJ.CONF MODULE…

Holds each module.yml to the keys that Zephyr documents, reads the modules' Kconfig files and the application's
configuration with kconfiglib, every warning an error, and writes the symbols that are set and the folders to build.
"""
import pathlib
import re
import sys

import kconfiglib
import yaml

TEXT, FLAG, LIST = str, bool, list
KEYS = {
    "name": TEXT,
    "build": {
        "cmake": TEXT, "kconfig": TEXT, "cmake-ext": FLAG, "kconfig-ext": FLAG, "depends": LIST, "settings": dict,
        "sysbuild-cmake": TEXT, "sysbuild-kconfig": TEXT, "sysbuild-cmake-ext": FLAG, "sysbuild-kconfig-ext": FLAG,
    },
    "tests": LIST, "samples": LIST, "boards": LIST, "blobs": LIST,
}


def check(value, keys, place):
    if not isinstance(keys, dict):
        if not isinstance(value, keys):
            sys.exit(f"{place} is {value!r}")
        return
    for key, inner in value.items():
        if key not in keys:
            sys.exit(f"{place} has no key {key!r}")
        check(inner, keys[key], f"{place}: {key}")


out, configuration, *modules = sys.argv[1:]
root = pathlib.Path(out).with_suffix(".Kconfig")
kconfig, cmake = [], []
for module in map(pathlib.Path, modules):
    meta = yaml.safe_load((module / "zephyr/module.yml").read_text())
    check(meta, KEYS, str(module))
    folder, symbols = module / meta["build"]["cmake"], module / meta["build"]["kconfig"]
    if not (folder / "CMakeLists.txt").is_file() or not symbols.is_file():
        sys.exit(f"{module} names files that it does not have")
    name = re.sub("[^a-zA-Z0-9]", "_", meta["name"])
    kconfig += [f'menu "{meta["name"]}"', f'osource "{symbols.resolve()}"', f"config ZEPHYR_{name.upper()}_MODULE",
                "\tbool", "\tdefault y", "endmenu"]
    cmake.append(f'add_subdirectory("{folder.resolve()}" "${{CMAKE_BINARY_DIR}}/modules/{meta["name"]}")')
root.write_text("\n".join(kconfig) + "\n")
parsed = kconfiglib.Kconfig(str(root), warn_to_stderr=False)
parsed.load_config(configuration)
if parsed.warnings:
    sys.exit("\n".join(parsed.warnings))
settings = [f"set(CONFIG_{symbol.name} y)" for symbol in parsed.unique_defined_syms if symbol.str_value == "y"]
pathlib.Path(out).write_text("\n".join(settings + cmake) + "\n")
