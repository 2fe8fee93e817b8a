"""
Status: events in; live streams, lists and searches out. It also sweeps: what a crash left half done
is put back, what is past its deadline ends, what is old is trimmed, what is kept no longer goes.
"""
