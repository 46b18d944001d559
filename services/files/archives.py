"""What the standard library raises when a zip archive is not what it says."""

import zipfile
import zlib

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
"""To be caught around opening and reading an archive only: OSError and ValueError come of offsets that lead nowhere,
RuntimeError of a password, and, as NotImplementedError, of a strange compression (CPython's zipfile)."""
