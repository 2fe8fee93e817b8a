"""When a test gives up waiting."""

#: seconds. It measures nothing: a test that has to fail may take so long, and a machine that is many
#: times slower than a laptop passes all the same.
TIMEOUT = 300.0
