"""Close codes of live connections (RFC 6455, and our own from 4000 on)."""

NOT_TEXT = 1003  #: a frame is not text; another try does not help
POLICY_VIOLATION = 1008  #: too many frames or mistakes; another try does not help
FRAME_TOO_LARGE = 1009  #: another try does not help
COME_BACK_LATER = 1013  #: the same connection may succeed later
UNAUTHENTICATED = 4401  #: another key or ticket may be accepted
FORBIDDEN = 4403  #: the connection is not for this client; another try does not help
TOO_SLOW = 4408  #: the client did not keep up; it may resume
