#!/usr/bin/env bash
# Installs the system packages that building and testing need, where they are missing (Debian and Ubuntu).
# Looks for what is needed, not for package names: a compiler from elsewhere on PATH is as good. Never asks.
#   packages.sh          installs what is missing
#   packages.sh --check  only says what is missing; exit 1 if anything is
set -euo pipefail
python=${PYTHON:-python3}

has() { command -v "$1" >/dev/null 2>&1; }

# newlib's C library for the arm compiler: without it -print-file-name answers with the bare name.
has_newlib() { [ "$(arm-none-eabi-gcc -print-file-name=libc.a 2>/dev/null)" != libc.a ] && has arm-none-eabi-gcc; }
has_picolibc() { riscv64-unknown-elf-gcc --specs=picolibc.specs -E -x c /dev/null >/dev/null 2>&1; }
has_xtensa_picolibc() { [ -e /usr/lib/xtensa-lx106-elf/picolibc.specs ]; }
has_libc() { echo '#include <stdio.h>' | gcc -E -x c - >/dev/null 2>&1; }
# Debian puts brokers where only the administrator looks.
has_mosquitto() { has mosquitto || [ -x /usr/sbin/mosquitto ]; }
has_venv() { "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_python_headers() {
  "$python" -c 'import sys, sysconfig, os; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}

missing=()
needs() { # needs PACKAGE TEST…
  local package=$1
  shift
  "$@" || missing+=("$package")
}

needs gcc has gcc
needs libc6-dev has_libc
needs python3 has "$python"
needs python3-venv has_venv
needs python3-dev has_python_headers
needs gcc-arm-none-eabi has arm-none-eabi-gcc
needs libnewlib-arm-none-eabi has_newlib
needs gcc-riscv64-unknown-elf has riscv64-unknown-elf-gcc
needs picolibc-riscv64-unknown-elf has_picolibc
needs gcc-xtensa-lx106 has xtensa-lx106-elf-gcc
needs picolibc-xtensa-lx106-elf has_xtensa_picolibc
needs qemu-system-arm has qemu-system-arm
needs qemu-system-misc has qemu-system-riscv32
needs espeak-ng has espeak-ng
needs mosquitto has_mosquitto
needs cmake has cmake
needs clang-format has clang-format
needs clang-tidy has clang-tidy

if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all there"
  exit 0
fi
if [ "${1:-}" = --check ]; then
  echo "packages: missing ${missing[*]}"
  exit 1
fi
if ! has apt-get; then
  echo "packages: missing, and no apt-get to install them with: ${missing[*]}"
  echo "packages: what needs them will not work and their tests are skipped; see README.md"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! has sudo; then
    echo "packages: not root and no sudo; run as root: apt-get install ${missing[*]}" >&2
    exit 3
  fi
  as_root=(sudo)
  [ -t 0 ] || as_root=(sudo -n)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  if ! "$@" </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "packages: failed: $*" >&2
    exit 3
  fi
}
echo "packages: installing ${missing[*]}"
"${as_root[@]}" true
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
quietly "${apt[@]}" update
quietly "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
echo "packages: done"
