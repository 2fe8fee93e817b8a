"""Sign-in by OpenID Connect: the authorization code flow with PKCE (RFC 7636)."""
