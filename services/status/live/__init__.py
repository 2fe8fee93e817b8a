"""Live events for WebSocket and SSE clients."""
