"""A real nginx before an app, which strips a path prefix as docs/deployment.md has it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["command", "executable"]

_CONFIGURATION = """
{user}
pid nginx.pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    merge_slashes off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        location {prefix}/ {{
            proxy_pass http://127.0.0.1:{behind}/;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"""


def executable() -> str | None:
    """Where nginx is, if it is installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def command(directory: Path, *, port: int, behind: int, prefix: str) -> list[str]:
    """What runs nginx in the foreground: it listens on `port` and hands on to the app on port `behind`."""
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, port=port, behind=behind, prefix=prefix))
    found = executable()
    assert found is not None
    return [found, "-p", str(directory), "-c", str(configuration), "-e", "stderr", "-g", "daemon off;"]
