"""Links that show one tenant its own dashboard in Metabase's free edition: a guest embed with the tenant locked inside.

Source: metabase.com/docs/latest/embedding/guest-embedding. The token is a JSON Web Token, HS256, under the key that
Metabase shows in its admin settings; Metabase refuses one that was changed or expired. What the embed shows is limited
by the questions' own filter on the locked parameter, not by row-level security: see docs/runbooks/metabase.md.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

import jwt

TENANT_PARAMETER = "tenant"
_SHORTEST_KEY_BYTES = 32


class EmbeddingNotConfigured(Exception):
    """Metabase's address or its embedding key is missing or cannot be one; the message says how to set it."""


def tenant_link(
    metabase_url: str | None, secret_key: str | None, dashboard: int, tenant_id: str, now: datetime, lasts: timedelta
) -> str:
    """The address of a dashboard that shows this tenant and no other, until now + lasts.

    dashboard is Metabase's number of the *Tenant view* dashboard. Raises EmbeddingNotConfigured.
    """
    if not metabase_url:
        raise EmbeddingNotConfigured("Set MINUTEBOOK_METABASE_URL, such as https://metabase.example.com.")
    if not secret_key or len(secret_key.encode()) < _SHORTEST_KEY_BYTES:
        raise EmbeddingNotConfigured(
            "Set MINUTEBOOK_METABASE_SECRET_KEY to the embedding secret key of Metabase's admin settings"
            f" ({_SHORTEST_KEY_BYTES} characters or more)."
        )
    claims = {
        "resource": {"dashboard": dashboard},
        "params": {TENANT_PARAMETER: tenant_id},
        "iat": int(now.timestamp()),
        "exp": int((now + lasts).timestamp()),
    }
    token = jwt.encode(claims, secret_key, algorithm="HS256")
    return f"{metabase_url.rstrip('/')}/embed/dashboard/{quote(token)}#bordered=false&titled=true"
