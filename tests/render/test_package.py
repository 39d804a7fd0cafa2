"""`generate --as`: libraries for other people's firmware, read and compiled as their ecosystems do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from fieldwren.device import Detected
from fieldwren.errors import BadInputError
from fieldwren.features.wav import read_any_wav
from fieldwren.generate import package
from fieldwren.render.package import FORMS, Form
from fieldwren.run import run
from support import CHECKOUT, made_once, require_data, require_module, require_tool

VENDOR = CHECKOUT / "tests" / "port" / "vendor"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        for form in FORMS:
            package(CHECKOUT / "examples" / "digits", form, folder / form)

    return made_once(tmp_path_factory, "as-packages", make)


def library_sources(folder: Path) -> list[str]:
    return [str(path) for path in sorted((folder / "src").rglob("*.c"))]


def compile_only(*arguments: str | Path, compiler: str = "gcc") -> None:
    subprocess.run([str(require_tool(compiler)), "-fsyntax-only", *WARNINGS, *map(str, arguments)], check=True)


@pytest.mark.parametrize("form", get_args(Form))
def test_one_include_path_is_enough(packages: Path, form: str) -> None:
    """All C compiles with -Isrc alone, under C99 and the GNU dialect that frameworks use; there is no main."""
    folder = packages / form
    for standard in ("c99", "gnu17"):
        compile_only(f"-std={standard}", f"-I{folder / 'src'}", *library_sources(folder))
    assert not any("int main(" in Path(p).read_text() for p in library_sources(folder))
    assert not (folder / "src" / "port").exists()


def test_arduino(packages: Path) -> None:
    from platformio.package.manifest.parser import ManifestParserFactory

    folder = packages / "arduino-library"
    manifest = ManifestParserFactory.new_from_file(str(folder / "library.properties")).as_dict()
    assert manifest["name"] == "fieldwren_digits"
    assert manifest["headers"] == ["app_config.h"]
    sketch = folder / "examples" / "Loop" / "Loop.ino"
    include = [f"-I{folder / 'src'}", f"-I{VENDOR / 'arduino'}", "-include", "Arduino.h"]
    compile_only("-std=gnu++11", *include, "-x", "c++", sketch, compiler="g++")


def test_platformio(packages: Path) -> None:
    from platformio.package.manifest.parser import ManifestParserFactory
    from platformio.package.manifest.schema import ManifestSchema

    folder = packages / "platformio-library"
    manifest = ManifestParserFactory.new_from_file(str(folder / "library.json")).as_dict()
    assert manifest.pop("license") == "Apache-2.0"  # the schema would ask the network for the list of licences
    ManifestSchema().load_manifest(manifest)
    assert "-ffp-contract=off" in manifest["build"]["flags"]
    compile_only("-std=gnu17", f"-I{folder / 'src'}", folder / "examples" / "bare_loop" / "main.c")


def test_espidf(packages: Path) -> None:
    yaml: Any = require_module("yaml")
    folder = packages / "espidf-component"
    manifest = yaml.safe_load((folder / "idf_component.yml").read_text())
    assert manifest["dependencies"] == {"idf": ">=4.4"} and "zero" in manifest["description"]
    assert "idf_component_register(SRCS ${sources}" in (folder / "CMakeLists.txt").read_text()
    main = folder / "examples" / "freertos_task" / "main" / "main.c"
    compile_only("-std=gnu17", f"-I{folder / 'src'}", f"-I{VENDOR / 'espidf'}", main)


def test_zephyr(packages: Path) -> None:
    yaml: Any = require_module("yaml")
    folder = packages / "zephyr-module"
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    assert module["build"] == {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}
    assert "config FIELDWREN_DIGITS" in (folder / "zephyr" / "Kconfig").read_text()
    assert "CONFIG_FIELDWREN_DIGITS=y" in (folder / "samples" / "thread" / "prj.conf").read_text()
    main = folder / "samples" / "thread" / "src" / "main.c"
    compile_only("-std=gnu17", "-Wno-pedantic", f"-I{folder / 'src'}", f"-I{VENDOR / 'zephyr'}", main)


@pytest.fixture(scope="module")
def built(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which CMake has built library and example."""
    require_tool("cmake")

    def make(folder: Path) -> None:
        subprocess.run(["cmake", "-S", str(packages / "cmake"), "-B", str(folder)], check=True, capture_output=True)
        subprocess.run(["cmake", "--build", str(folder), "-j2"], check=True, capture_output=True)

    return made_once(tmp_path_factory, "as-built", make)


@pytest.mark.slow
def test_cmake_hears_what_the_app_hears(built: Path, tmp_path: Path) -> None:
    """Built by CMake and fed a recording: the detections, to the millisecond, that the app's own firmware reports."""
    speech = [require_data("audio", "fsdd", f"{digit}_jackson_0.wav") for digit in (7, 3)]
    pause = np.zeros(16000, np.int16)
    said = np.concatenate([pause, *(np.concatenate([read_any_wav(path, 16000), pause]) for path in speech)])
    import wave

    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(said.astype("<i2").tobytes())
    done = subprocess.run(
        [str(built / "bare_loop")], input=said.astype("<i2").tobytes(), capture_output=True, check=True
    )
    heard = [(int(t), label) for t, label, _ in (line.split() for line in done.stdout.decode().splitlines())]
    events = run(CHECKOUT / "examples" / "digits", "host", wav=tmp_path / "said.wav", surround=False)
    expected = [(event.t_ms, event.label) for event in events if isinstance(event, Detected)]
    assert heard == expected
    assert heard


def heard_by(loop: Path, pcm: np.ndarray, *arguments: str) -> list[tuple[int, str]]:
    done = subprocess.run(
        [str(loop), *arguments], input=pcm.astype("<i2").tobytes(), capture_output=True, check=True, cwd=loop.parent
    )
    return [(int(t), label) for t, label, _ in (line.split() for line in done.stdout.decode().splitlines())]


@pytest.mark.slow
def test_a_library_learns_a_word_and_keeps_it_where_its_caller_says(
    packages: Path, built: Path, tmp_path: Path
) -> None:
    """A word that the model does not know, taught three times; kept only with page functions of the caller's."""
    from fieldwren import paths

    pause = np.zeros(16000, np.int16)
    takes = [
        read_any_wav(require_data("audio", "speech_commands", "marvin", name), 16000)
        for name in sorted(path.name for path in require_data("audio", "speech_commands", "marvin").glob("*.wav"))[:1]
    ]
    said = np.concatenate([pause, *[part for take in takes * 6 for part in (take, pause)]])
    ends = np.cumsum([len(pause) + len(takes[0])] * 3)
    lessons = [str(1000 * int(end) // 16000) for end in ends]
    forgetful = built / "bare_loop"
    assert "lamp" not in [label for _, label in heard_by(forgetful, said)]
    taught = heard_by(forgetful, said, "lamp", *lessons)
    assert [label for t, label in taught if t > int(lessons[-1])].count("lamp") >= 2
    assert "lamp" not in [label for _, label in heard_by(forgetful, said)]  # the next start
    keeping, folder = tmp_path / "keeping", packages / "cmake"
    own = [folder / "examples" / "bare_loop" / "main.c", paths.firmware() / "port" / "posix" / "flash.c"]
    archive = built / "libfieldwren_digits.a"
    subprocess.run(["gcc", "-std=c99", f"-I{folder / 'src'}", *own, archive, "-o", keeping], check=True)
    assert heard_by(keeping, said, "lamp", *lessons) == taught
    assert (tmp_path / "store.bin").is_file()
    assert [label for _, label in heard_by(keeping, said)].count("lamp") >= 4


def test_rows_have_a_package_too(tmp_path: Path) -> None:
    made = package(CHECKOUT / "examples" / "presence", "cmake", tmp_path / "p")
    main = tmp_path / "p" / "examples" / "bare_loop" / "main.c"
    compile_only("-std=c99", f"-I{tmp_path / 'p' / 'src'}", main, *library_sources(tmp_path / "p"))
    assert "static float elements[AT_ONCE * " in main.read_text()
    assert made.files and json.loads((tmp_path / "p" / "fieldwren-project.json").read_text())["form"] == "cmake"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(BadInputError, match="is not empty and not a fieldwren project"):
        package(CHECKOUT / "examples" / "digits", "cmake", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
