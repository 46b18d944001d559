"""`python -m web`: the console on this machine's port."""

import uvicorn

from config.settings import Settings
from services.watch import logs
from web.app import create_app


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    logs.start(settings, "console")
    uvicorn.run(
        create_app(settings),
        host=settings.console_host,
        port=settings.console_port,
        log_level="warning",
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
    )


if __name__ == "__main__":
    main()
