"""Files of a store: written atomically, read in bounded memory, verified against their own headers."""

from forge_core.files.store import Store, default_store_url, fingerprint, parse_json, redact

__all__ = ["Store", "default_store_url", "fingerprint", "parse_json", "redact"]
