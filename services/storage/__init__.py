"""Storage: rendered jobs and uploads in; stored assets and presigned URLs out."""
