"""Pages of the docs that are made of the code's own descriptions: `python -m infra.reference diagnostics > docs/diagnostics.md`."""
