"""
Storage: rendered jobs in; stored assets and presigned addresses out. Uploads come in by its door.
"""
