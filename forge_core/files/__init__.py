"""Files in a store: written atomically, read in bounded memory, verified against their headers."""

from forge_core.files.addresses import default_store_url, redact
from forge_core.files.store import Store, fingerprint, parse_json

__all__ = ["Store", "default_store_url", "fingerprint", "parse_json", "redact"]
