"""The configuration file: its schema, and reading it with every problem reported at once."""

from globaldns.config.jsonschema import schema_document

__all__ = ["schema_document"]
