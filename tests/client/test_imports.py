from __future__ import annotations

import subprocess
import sys

import pytest

LIBRARIES = ["httpx", "httpx2", "requests", "aiohttp"]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_client_imports_no_http_library() -> None:
    code = f"import sys, mfa_middleware.client; print(sorted(set({[*LIBRARIES, 'urllib3']}) & set(sys.modules)))"
    assert python(code) == "[]"


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_told_with_its_cure(library: str) -> None:
    code = f"""
import sys
sys.modules[{library!r}] = None
try:
    import mfa_middleware.client.{library}
except Exception as error:
    print(type(error).__name__, error)
"""
    said = python(code)
    assert said.startswith("ConfigurationError mfa_middleware.client.")
    assert f"pip install 'mfa_middleware[{library}]'" in said
