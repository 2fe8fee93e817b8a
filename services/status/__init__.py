"""Status: events in; live streams, lists and searches out; and the sweeper, retention and compaction."""
