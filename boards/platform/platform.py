"""PlatformIO development platform for builds with the compilers found on PATH."""

from platformio.public import PlatformBase


class FieldwrenPlatform(PlatformBase):
    """Boards and the build script are all this platform has; it needs no packages."""

    def is_embedded(self) -> bool:
        return True
