"""Media: content types, and a sandboxed worker that decodes pictures and films."""
