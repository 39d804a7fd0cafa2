"""SCons script of the platform: the tool chain comes from the board's manifest and PATH, the firmware from lib/."""

import os
import sys

from SCons.Script import Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
prefix = board.get("build.toolchain")
core_flags = board.get("build.core_flags")
library = "$PROJECT_DIR/lib/fieldwren"
is_host = prefix == ""
strip_dead_code = "-Wl,-dead_strip" if is_host and sys.platform == "darwin" else "-Wl,--gc-sections"

env.Replace(
    AR=f"{prefix}ar",
    AS=f"{prefix}gcc",
    CC=f"{prefix}gcc" if prefix else "cc",
    CXX=f"{prefix}g++" if prefix else "c++",
    OBJCOPY=f"{prefix}objcopy",
    RANLIB=f"{prefix}ranlib",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
)

# Paths go in as they are in the project, wherever it lies: $( $) keeps this flag out of SCons's signatures.
prefix_map = ["$(", f"-ffile-prefix-map={env.subst('$PROJECT_DIR')}=.", "$)"]
env.Append(
    CCFLAGS=[*core_flags, "-ffunction-sections", "-fdata-sections", *prefix_map],
    ASFLAGS=[*core_flags, *prefix_map],
    CPPPATH=[library, f"{library}/include", "$PROJECT_DIR/src"],  # src: the firmware includes the generated model.h
    LINKFLAGS=[*core_flags, *board.get("build.link_flags"), strip_dead_code],
)
if not is_host:
    # The flash image is what must not change with the time of day; on the host ar may not know the option.
    env.Replace(ARFLAGS=["rcD"], RANLIBFLAGS=["-D"])
    stack_bytes = board.get("build.stack_bytes")
    env.Append(
        LINKFLAGS=["-nostartfiles", "-Wl,--fatal-warnings", f"-Wl,--defsym=__fw_stack_bytes={stack_bytes}"],
    )

# Objects are kept by content, for all projects together, where the caller names a folder for them.
if os.environ.get("FIELDWREN_OBJECT_CACHE"):
    env.CacheDir(os.environ["FIELDWREN_OBJECT_CACHE"])

# An archive: what an image does not call is not in it (port/common/fw_port_parts.h).
env.Prepend(LIBS=[env.BuildLibrary("$BUILD_DIR/fieldwren", library)])

program = env.BuildProgram()
Default(program)
formats = {"bin": "binary", "hex": "ihex"}
for suffix in board.get("build.formats"):
    copy = env.VerboseAction(f"$OBJCOPY -O {formats[suffix]} $SOURCE $TARGET", "Writing $TARGET")
    Default(env.Command(f"$BUILD_DIR/${{PROGNAME}}.{suffix}", program, copy))
