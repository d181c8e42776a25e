"""Files in a store: written atomically, read in bounded memory, verified against their headers."""

from forge_core.files.store import Store, default_store_url, fingerprint, parse_json, redact

__all__ = ["Store", "default_store_url", "fingerprint", "parse_json", "redact"]
