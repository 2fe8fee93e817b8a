"""The job protocol, tried in many orders: the services' own handlers under a scheduler of ours."""
