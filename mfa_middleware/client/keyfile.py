"""Where a machine keeps its key: a file that only its owner can read, or the environment."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from mfa_middleware.client.keys import PrivateKey
from mfa_middleware.errors import ConfigurationError

__all__ = ["key_from_env", "load_key"]

_LOG: Final = logging.getLogger("mfa_middleware.client")
_MAX_BYTES: Final = 65_536
_HAS_MODES: Final = os.name == "posix"
_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def load_key(path: str | os.PathLike[str], *, create: bool = True, alg: str | None = None) -> PrivateKey:
    """The private key in a file: PEM (PKCS #8, not encrypted) or a private JWK.

    `create`: where there is no file, make a key, write it with mode 0600 and log its thumbprint; of several
    processes that start at once, one writes and all get the same key. `alg`: of a new key (ES256); for a key
    that exists, what it must be, and PS256 or RS256 for an RSA key in PEM (PS256).
    Raises ConfigurationError where the file is a symlink, readable by others than its owner, or no key.
    """
    file = Path(path).expanduser()
    raw = _read(file)
    if raw is None:
        if not create:
            raise ConfigurationError(f"there is no key file {file}: make one with `mfa-middleware keygen`")
        raw = _created(file, PrivateKey.generate(alg or "ES256"))
    try:
        return PrivateKey.from_text(raw, alg)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def key_from_env(name: str = "MFA_CLIENT_KEY") -> PrivateKey:
    """The private key that the variable `name` holds (PEM or JWK), or that the file named by `name`_FILE holds.

    Raises ConfigurationError where neither or both are set, or where the key cannot be read.
    """
    text, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if text and file:
        raise ConfigurationError(f"{name} and {name}_FILE are both set: unset one of them")
    if file:
        return load_key(file, create=False)
    if not text:
        raise ConfigurationError(f"set {name} to a PEM key or a private JWK, or {name}_FILE to the path of one")
    try:
        return PrivateKey.from_text(text.replace("\\n", "\n"))
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from None


def _read(file: Path) -> bytes | None:
    """The content of a key file, None where there is none. Raises ConfigurationError where others can read it."""
    try:
        descriptor = os.open(file, _READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigurationError(f"{file} is a symbolic link: name the key file itself") from None
        raise ConfigurationError(f"the key file {file} cannot be opened: {error.strerror}") from None
    try:
        _check(file, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(_MAX_BYTES)
    finally:
        os.close(descriptor)


def _check(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError(f"{file} is not a regular file")
    if _HAS_MODES and status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigurationError(f"others can use the key file {file} (mode {mode:04o}): run `chmod 600 {file}`")


def _created(file: Path, key: PrivateKey) -> bytes:
    """Write a key unless the file has come to be meanwhile; what the file holds then.

    The name appears only once the content is complete.
    """
    temporary, content = file.with_name(f".{file.name}.{secrets.token_hex(8)}"), key.to_pem()
    try:
        _write(temporary, content)
        os.link(temporary, file)
    except FileExistsError:
        return _read(file) or b""
    except OSError as error:
        raise ConfigurationError(f"the key file {file} cannot be created: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    _LOG.warning("made a new machine key in %s: enrol its thumbprint %s", file, key.thumbprint)
    return content


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, _CREATE, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
